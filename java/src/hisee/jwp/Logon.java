package hisee.jwp;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** The conversation before the session: HELLO, CHALLENGE, PROOF, WELCOME, and the refusal of a ring. Both sides prove the secret. */
final class Logon {
    /** Frames without numbers, one at a time. */
    interface Wire {
        void say(int kind, byte[] payload) throws IOException;

        Frame hear() throws IOException;

        void openSession(long session, int epoch);
    }

    private static final int FIRST_EPOCH = 1;
    private static final int NONCE = 16;

    private Logon() {}

    /** Logs on as `hello` says; returns the map of WELCOME. */
    static Map<String, Object> logOn(Wire wire, Map<String, Object> hello, byte[] secret) throws IOException {
        byte[] mine = new byte[NONCE];
        new SecureRandom().nextBytes(mine);
        Map<String, Object> full = new LinkedHashMap<>(hello);
        full.put("nonce", mine);
        byte[] words = Pack.encode(full);
        wire.say(Table.HELLO, words);
        byte[] theirs = (byte[]) answer(wire, Table.CHALLENGE).get("nonce");
        wire.say(Table.PROOF, Pack.encode(Map.of("hmac", prove(secret, "hisee logon", mine, theirs, words))));
        Map<String, Object> welcome = answer(wire, Table.WELCOME);
        byte[] proof = (byte[]) welcome.get("proof");
        if (proof == null || !MessageDigest.isEqual(proof, prove(secret, "hisee welcome", mine, theirs, words))) {
            throw new Fault("server", "the server did not prove the system's secret: it is another system, or none");
        }
        wire.openSession(((Number) welcome.get("session")).longValue(), FIRST_EPOCH);
        declineRing(wire);
        return welcome;
    }

    private static void declineRing(Wire wire) throws IOException {
        Map<String, Object> ring = answer(wire, Table.RING);
        wire.say(Table.RING, Pack.encode(Map.of("capacity", ring.get("capacity"), "epoch", ring.get("epoch"), "accepted", false)));
    }

    private static Map<String, Object> answer(Wire wire, int kind) throws IOException {
        Frame frame = wire.hear();
        Map<String, Object> payload = Pack.decodeMap(frame.payload());
        if (frame.kind() == Table.REFUSED) throw new Fault("refused", payload.get("text") + " (" + payload.get("code") + ")");
        if (frame.kind() != kind) throw new Fault("logon", "the other side does not speak the protocol of hisee");
        return payload;
    }

    private static byte[] prove(byte[] secret, String label, byte[] mine, byte[] theirs, byte[] words) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(secret, "HmacSHA256"));
            mac.update(label.getBytes(StandardCharsets.US_ASCII));
            mac.update(mine);
            mac.update(theirs);
            return mac.doFinal(words);
        } catch (GeneralSecurityException impossible) { // every Java platform has HmacSHA256
            throw new IllegalStateException(impossible);
        }
    }
}
