package hisee.jwp;

import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * MessagePack as control payloads use it: maps with text keys, arrays, text, bytes, integers (Long; BigInteger from 2^63 on),
 * floats, booleans, nil. No extension types. A length is believed only after the bytes left could hold it.
 */
final class Pack {
    static final int DEPTH = 64; // nested maps and arrays

    private Pack() {}

    // --- out: shortest form of every value, floats always of 64 bits

    static byte[] encode(Object value) throws Fault {
        Out out = new Out();
        out.value(value, 0);
        return out.bytes.toByteArray();
    }

    /** The same for values of our own, which can always be sent. */
    static byte[] known(Object value) {
        try {
            return encode(value);
        } catch (Fault impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static final class Out {
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream(128);

        void value(Object v, int depth) throws Fault {
            if (depth > DEPTH) throw new Fault("depth", "a value nested deeper than " + DEPTH);
            if (v == null) bytes.write(0xc0);
            else if (v instanceof Boolean b) bytes.write(b ? 0xc3 : 0xc2);
            else if (v instanceof Double || v instanceof Float) real(((Number) v).doubleValue());
            else if (v instanceof Long || v instanceof Integer || v instanceof Short || v instanceof Byte) integer(((Number) v).longValue());
            else if (v instanceof BigInteger big) big(big);
            else if (v instanceof CharSequence s) text(s.toString());
            else if (v instanceof byte[] b) binary(b);
            else container(v, depth);
        }

        private void container(Object v, int depth) throws Fault {
            if (v instanceof Map<?, ?> map) map(map, depth);
            else if (v instanceof Iterable<?> list) array(list, depth);
            else if (v instanceof double[] reals) {
                head(reals.length, 0x90, 16, 0xdc);
                for (double real : reals) real(real);
            } else throw new Fault("type", "a value of class " + v.getClass().getName() + " cannot be sent");
        }

        private void map(Map<?, ?> map, int depth) throws Fault {
            head(map.size(), 0x80, 16, 0xde);
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                if (!(entry.getKey() instanceof String key)) throw new Fault("type", "the key of a map is no text");
                text(key);
                value(entry.getValue(), depth + 1);
            }
        }

        private void array(Iterable<?> list, int depth) throws Fault {
            List<Object> items = new ArrayList<>();
            list.forEach(items::add);
            head(items.size(), 0x90, 16, 0xdc);
            for (Object item : items) value(item, depth + 1);
        }

        private void real(double v) {
            bytes.write(0xcb);
            number(Double.doubleToRawLongBits(v), 8);
        }

        private void integer(long v) {
            if (v >= -32 && v < 128) bytes.write((int) v);
            else if (v >= 0) unsigned(v);
            else if (v >= Byte.MIN_VALUE) tagged(0xd0, v, 1);
            else if (v >= Short.MIN_VALUE) tagged(0xd1, v, 2);
            else if (v >= Integer.MIN_VALUE) tagged(0xd2, v, 4);
            else tagged(0xd3, v, 8);
        }

        private void big(BigInteger v) throws Fault {
            if (v.bitLength() < 64) integer(v.longValue());
            else if (v.bitLength() == 64 && v.signum() > 0) tagged(0xcf, v.longValue(), 8);
            else throw new Fault("range", "an integer of " + v.bitLength() + " bits");
        }

        private void unsigned(long v) {
            if (v < 1L << 8) tagged(0xcc, v, 1);
            else if (v < 1L << 16) tagged(0xcd, v, 2);
            else if (v < 1L << 32) tagged(0xce, v, 4);
            else tagged(0xcf, v, 8);
        }

        private void text(String s) throws Fault {
            byte[] utf8 = s.getBytes(StandardCharsets.UTF_8);
            if (utf8.length < 32) bytes.write(0xa0 | utf8.length);
            else if (utf8.length < 256) tagged(0xd9, utf8.length, 1);
            else if (utf8.length < 65536) tagged(0xda, utf8.length, 2);
            else tagged(0xdb, utf8.length, 4);
            bytes.writeBytes(utf8);
        }

        private void binary(byte[] b) {
            if (b.length < 256) tagged(0xc4, b.length, 1);
            else if (b.length < 65536) tagged(0xc5, b.length, 2);
            else tagged(0xc6, b.length, 4);
            bytes.writeBytes(b);
        }

        /** Head of a map or an array: short form below `few`, else the form of 16 or (one code higher) 32 bits. */
        private void head(int count, int fix, int few, int wide) {
            if (count < few) bytes.write(fix | count);
            else if (count < 65536) tagged(wide, count, 2);
            else tagged(wide + 1, count, 4);
        }

        private void tagged(int code, long v, int width) {
            bytes.write(code);
            number(v, width);
        }

        private void number(long v, int width) {
            for (int shift = 8 * (width - 1); shift >= 0; shift -= 8) bytes.write((int) (v >>> shift));
        }
    }

    // --- in

    /** The one value in `data`; bytes behind it are a fault. */
    static Object decode(byte[] data) throws Fault {
        In in = new In(ByteBuffer.wrap(data));
        Object value = in.value(0);
        if (in.data.hasRemaining()) throw new Fault("rest", in.data.remaining() + " bytes behind the value");
        return value;
    }

    /** The same for payloads, which are maps. */
    @SuppressWarnings("unchecked")
    static Map<String, Object> decodeMap(byte[] data) throws Fault {
        if (decode(data) instanceof Map<?, ?> map) return (Map<String, Object>) map;
        throw new Fault("type", "a payload that is no map");
    }

    private static final class In {
        final ByteBuffer data;

        In(ByteBuffer data) {
            this.data = data;
        }

        Object value(int depth) throws Fault {
            if (depth > DEPTH) throw new Fault("depth", "a value nested deeper than " + DEPTH);
            int code = (int) number(1);
            if (code < 0x80) return (long) code;
            if (code < 0x90) return map(code & 0x0f, depth);
            if (code < 0xa0) return array(code & 0x0f, depth);
            if (code < 0xc0) return text(code & 0x1f);
            if (code >= 0xe0) return (long) (byte) code;
            return wide(code, depth);
        }

        private Object wide(int code, int depth) throws Fault {
            return switch (code) {
                case 0xc0 -> null;
                case 0xc2 -> false;
                case 0xc3 -> true;
                case 0xc4 -> binary(number(1));
                case 0xc5 -> binary(number(2));
                case 0xc6 -> binary(number(4));
                case 0xca -> (double) Float.intBitsToFloat((int) number(4));
                case 0xcb -> Double.longBitsToDouble(number(8));
                case 0xcc -> number(1);
                case 0xcd -> number(2);
                case 0xce -> number(4);
                case 0xcf -> unsigned(number(8));
                case 0xd0 -> (long) (byte) number(1);
                case 0xd1 -> (long) (short) number(2);
                case 0xd2 -> (long) (int) number(4);
                case 0xd3 -> number(8);
                case 0xd9 -> text(number(1));
                case 0xda -> text(number(2));
                case 0xdb -> text(number(4));
                case 0xdc -> array(number(2), depth);
                case 0xdd -> array(number(4), depth);
                case 0xde -> map(number(2), depth);
                case 0xdf -> map(number(4), depth);
                default -> throw new Fault("type", String.format("a value of type 0x%02x", code));
            };
        }

        private static Number unsigned(long v) {
            if (v >= 0) return v;
            return new BigInteger(Long.toUnsignedString(v));
        }

        private long number(int width) throws Fault {
            need(width);
            long v = 0;
            for (int i = 0; i < width; i++) v = v << 8 | data.get() & 0xff;
            return v;
        }

        private void need(long bytes) throws Fault {
            if (bytes > data.remaining()) throw new Fault("length", bytes + " bytes announced, " + data.remaining() + " left");
        }

        private byte[] binary(long length) throws Fault {
            need(length);
            byte[] bytes = new byte[(int) length];
            data.get(bytes);
            return bytes;
        }

        private String text(long length) throws Fault {
            need(length);
            ByteBuffer part = data.slice(data.position(), (int) length);
            data.position(data.position() + (int) length);
            try {
                return StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT).decode(part).toString();
            } catch (CharacterCodingException bad) {
                throw new Fault("text", "a text that is no UTF-8");
            }
        }

        private List<Object> array(long count, int depth) throws Fault {
            need(count);
            List<Object> list = new ArrayList<>((int) Math.min(count, 1024)); // grows with what is really there
            for (long i = 0; i < count; i++) list.add(value(depth + 1));
            return list;
        }

        private Map<String, Object> map(long count, int depth) throws Fault {
            need(2 * count);
            Map<String, Object> map = new LinkedHashMap<>();
            for (long i = 0; i < count; i++) {
                if (!(value(depth + 1) instanceof String key)) throw new Fault("key", "the key of a map is no text");
                map.put(key, value(depth + 1));
            }
            return map;
        }
    }
}
