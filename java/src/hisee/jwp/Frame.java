package hisee.jwp;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/** One frame of a stream: session header, envelope, payload. The numbers of 32 bits are unsigned. */
record Frame(long session, long seq, long ack, int epoch, int kind, int lane, int flags, int source, int target, int object,
             int total, long corr, byte[] payload) {
    static final int HEAD = 64;
    static final int FIRST = 1;
    static final int LAST = 2;
    static final int WANTS_ANSWER = 4;
    static final int WHOLE = FIRST | LAST;
    private static final int ENVELOPE = 32; // its place, and its length
    private static final int CRC = 28;

    ByteBuffer encode() {
        ByteBuffer out = ByteBuffer.allocate(HEAD + payload.length).order(ByteOrder.LITTLE_ENDIAN);
        out.putLong(session).putLong(seq).putLong(ack).putInt(epoch).putInt(0);
        out.putInt(payload.length).putShort((short) kind).put((byte) lane).put((byte) flags);
        out.putInt(source).putInt(target).putInt(object).putInt(total).putLong(corr).put(payload);
        out.putInt(CRC, crc(out, payload.length));
        return out.flip();
    }

    static int crc(ByteBuffer frame, int length) {
        CRC32C crc = new CRC32C();
        crc.update(frame.array(), frame.arrayOffset() + ENVELOPE, ENVELOPE + length);
        return (int) crc.getValue();
    }

    /** The frame at the beginning of `in`, whose length was checked. */
    static Frame read(ByteBuffer in, int at, int length) {
        byte[] payload = new byte[length];
        in.get(at + HEAD, payload);
        return new Frame(in.getLong(at), in.getLong(at + 8), in.getLong(at + 16), in.getInt(at + 24),
                in.getShort(at + 36) & 0xffff, in.get(at + 38) & 0xff, in.get(at + 39) & 0xff,
                in.getInt(at + 40), in.getInt(at + 44), in.getInt(at + 48), in.getInt(at + 52), in.getLong(at + 56), payload);
    }
}
