package hisee.jwp;

import java.util.Map;

/** What one process tells another. `tooLong`: its parts were dropped, the payload is empty. */
record Message(int kind, int lane, int source, int target, int object, long corr, boolean wantsAnswer, byte[] payload, boolean tooLong) {
    static Message of(int kind, int lane, int source, int target, long corr, Map<String, ?> payload) throws Fault {
        return new Message(kind, lane, source, target, 0, corr, false, payload == null ? new byte[0] : Pack.encode(payload), false);
    }

    Map<String, Object> map() throws Fault {
        return payload.length == 0 ? Map.of() : Pack.decodeMap(payload);
    }
}
