package hisee.jwp;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Reads golden vectors and says, line by line, what the Java codecs make of them. Words: frames FILE | packs FILE | fuzz FILE SEED COUNT. */
public final class Vectors {
    private static final HexFormat HEX = HexFormat.of();

    public static void main(String[] words) throws IOException {
        List<String> lines = Files.readAllLines(Path.of(words[1]));
        switch (words[0]) {
            case "frames" -> lines.forEach(line -> System.out.println(frame(line)));
            case "packs" -> lines.forEach(line -> System.out.println(pack(line.split(" ", 4))));
            default -> new Vectors().fuzz(lines, Long.parseLong(words[2]), Integer.parseInt(words[3]));
        }
    }

    // --- frames

    private static Map<String, String> fields(String line) {
        Map<String, String> found = new LinkedHashMap<>();
        for (String word : line.split(" ")) {
            int equals = word.indexOf('=');
            if (equals > 0) found.put(word.substring(0, equals), word.substring(equals + 1));
        }
        return found;
    }

    private static Decoder decoder(Map<String, String> fields) {
        Decoder decoder = new Decoder(Integer.parseInt(fields.get("limit")));
        decoder.session = Long.parseUnsignedLong(fields.get("session"));
        decoder.epoch = Integer.parseUnsignedInt(fields.get("epoch"));
        return decoder;
    }

    /** The line as this codec would write it: verdict first. Bytes come whole and one by one; both must agree. */
    private static String frame(String line) {
        Map<String, String> fields = fields(line);
        byte[] data = HEX.parseHex(fields.get("frame"));
        String name = line.split(" ")[1];
        String whole = said(decoder(fields), data, data.length);
        String single = said(decoder(fields), data, 1);
        return whole.equals(single) ? whole.replace("NAME", name) : "pieces disagree: " + whole + " / " + single;
    }

    private static String said(Decoder decoder, byte[] data, int step) {
        try {
            Frame found = null;
            for (int at = 0; at < data.length && found == null; at += step) {
                decoder.feed(ByteBuffer.wrap(data, at, Math.min(step, data.length - at)));
                found = decoder.next();
            }
            return found == null ? "part NAME" : shown(found);
        } catch (Fault fault) {
            return fault.code + " NAME";
        }
    }

    private static String shown(Frame f) {
        String payload = f.payload().length == 0 ? "-" : HEX.formatHex(f.payload());
        ByteBuffer again = f.encode();
        return "ok NAME limit=4096 session=" + Long.toUnsignedString(f.session()) + " epoch=" + Integer.toUnsignedString(f.epoch())
                + " kind=" + f.kind() + " lane=" + f.lane() + " flags=" + f.flags() + " source=" + Integer.toUnsignedString(f.source())
                + " target=" + Integer.toUnsignedString(f.target()) + " object=" + Integer.toUnsignedString(f.object()) + " total="
                + Integer.toUnsignedString(f.total()) + " corr=" + Long.toUnsignedString(f.corr()) + " seq=" + Long.toUnsignedString(f.seq())
                + " ack=" + Long.toUnsignedString(f.ack()) + " payload=" + payload + " frame=" + HEX.formatHex(again.array());
    }

    // --- values

    private static String pack(String[] words) {
        byte[] data = words[2].equals("-") ? new byte[0] : HEX.parseHex(words[2]);
        try {
            Object value = Pack.decode(data);
            return "ok " + words[1] + " " + HEX.formatHex(Pack.encode(value)) + " " + json(value);
        } catch (Fault fault) {
            return "refused " + words[1] + " " + fault.code;
        }
    }

    private static String json(Object value) {
        if (value instanceof String text) return '"' + text + '"';
        if (value instanceof byte[] bytes) return "{\"$bytes\": \"" + HEX.formatHex(bytes) + "\"}";
        if (value instanceof Double real && Math.abs(real) >= 1e16) return real.toString().replace(".0E", "e+");
        if (value instanceof List<?> list) return "[" + String.join(", ", list.stream().map(Vectors::json).toList()) + "]";
        if (value instanceof Map<?, ?> map) {
            return "{" + String.join(", ", map.entrySet().stream().map(e -> json(e.getKey()) + ": " + json(e.getValue())).toList()) + "}";
        }
        return String.valueOf(value);
    }

    // --- fuzz: damaged streams; only a Fault may come out of it, in little memory

    private int faults;
    private int messages;

    private void fuzz(List<String> lines, long seed, int count) {
        Random random = new Random(seed);
        for (int turn = 0; turn < count; turn++) {
            Map<String, String> fields = fields(lines.get(random.nextInt(lines.size())));
            byte[] data = mutated(HEX.parseHex(fields.get("frame")), random);
            if (random.nextBoolean() && data.length >= Frame.HEAD) repair(data);
            survive(decoder(fields), data);
        }
        System.out.println("faults " + faults + " messages " + messages);
    }

    private static byte[] mutated(byte[] data, Random random) {
        byte[] changed = data.clone();
        for (int i = random.nextInt(6); i > 0 && changed.length > 0; i--) {
            changed[random.nextInt(changed.length)] = (byte) (random.nextInt(4) == 0 ? 0xff : random.nextInt(256));
        }
        return random.nextInt(3) > 0 ? changed : java.util.Arrays.copyOf(changed, random.nextInt(changed.length + 64));
    }

    /** A right check sum and a length that fits, so that what lies behind them is reached. */
    private static void repair(byte[] data) {
        ByteBuffer frame = ByteBuffer.wrap(data).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        frame.putInt(32, data.length - Frame.HEAD).putInt(52, data.length - Frame.HEAD).put(39, (byte) Frame.WHOLE).putLong(8, 1);
        frame.putInt(28, Frame.crc(frame, data.length - Frame.HEAD));
    }

    private void survive(Decoder decoder, byte[] data) {
        Assembly assembly = new Assembly(4096);
        try {
            decoder.feed(ByteBuffer.wrap(data));
            Frame frame;
            while ((frame = decoder.next()) != null) {
                Message message = assembly.add(frame);
                if (message == null) continue;
                messages++;
                Pack.encode(Pack.decode(message.payload()));
            }
        } catch (Fault expected) {
            faults++;
        }
    }
}
