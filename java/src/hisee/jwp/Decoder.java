package hisee.jwp;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Finds the frames in a stream of bytes. Holds no more than one frame of the allowed length and one read. */
final class Decoder {
    int limit; // longest payload; raised after the logon
    long session; // what every frame has to carry
    int epoch;
    private ByteBuffer data = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN).limit(0);

    Decoder(int limit) {
        this.limit = limit;
    }

    /** Take over what a read gave. */
    void feed(ByteBuffer in) {
        int have = data.remaining();
        if (data.capacity() - have < in.remaining()) grow(have + in.remaining());
        data.compact().put(in).flip();
    }

    private void grow(int wanted) {
        ByteBuffer larger = ByteBuffer.allocate(Math.max(wanted, data.capacity() * 2)).order(ByteOrder.LITTLE_ENDIAN);
        data = larger.put(data).flip();
    }

    /** The next frame, or null while it is not whole; a Fault ends the stream. */
    Frame next() throws Fault {
        if (data.remaining() < Frame.HEAD) return null;
        int at = data.position();
        int length = data.getInt(at + 32);
        if (Integer.compareUnsigned(length, limit) > 0) throw new Fault("long", "frame longer than the limit");
        if (!consistent(length, data.getInt(at + 52), data.get(at + 39) & 0xff)) {
            throw new Fault("total", "lengths of a frame contradict each other");
        }
        if (data.remaining() - Frame.HEAD < length) return null;
        if (Frame.crc(data.slice(at, Frame.HEAD + length), length) != data.getInt(at + 28)) {
            throw new Fault("crc", "check sum of a frame is wrong");
        }
        Frame frame = Frame.read(data, at, length);
        if (frame.session() != session || frame.epoch() != epoch) throw new Fault("session", "a frame of another session or carrier");
        data.position(at + Frame.HEAD + length);
        return frame;
    }

    private static boolean consistent(int length, int total, int flags) {
        if ((flags & ~(Frame.WHOLE | Frame.WANTS_ANSWER)) != 0 || Integer.compareUnsigned(length, total) > 0) return false;
        return ((flags & Frame.WHOLE) == Frame.WHOLE) == (length == total);
    }
}
