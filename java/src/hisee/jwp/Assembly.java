package hisee.jwp;

import java.io.ByteArrayOutputStream;

/** Parts in, messages out. A Fault for anything that no correct peer sends; a message over the limit is dropped and told. */
final class Assembly {
    private final int limit;
    private final long[] seen = new long[256];
    private final Partial[] partial = new Partial[256];

    private static final class Partial {
        final Frame first;
        final boolean tooLong;
        final ByteArrayOutputStream data = new ByteArrayOutputStream();
        long arrived;

        Partial(Frame first, boolean tooLong) {
            this.first = first;
            this.tooLong = tooLong;
        }
    }

    Assembly(int limit) {
        this.limit = limit;
    }

    /** The message that `part` completes, or null. */
    Message add(Frame part) throws Fault {
        int lane = part.lane();
        if (part.seq() != seen[lane] + 1) {
            if (part.seq() > 0 && part.seq() <= seen[lane]) return null; // it had arrived before
            throw new Fault("seq", "lane " + lane + " goes from " + seen[lane] + " to " + part.seq());
        }
        seen[lane]++;
        if ((part.flags() & Frame.WHOLE) == Frame.WHOLE) {
            if (partial[lane] != null) throw new Fault("part", "a message inside another one in lane " + lane);
            boolean tooLong = part.payload().length > limit;
            return message(part, tooLong ? new byte[0] : part.payload(), tooLong);
        }
        return proceed(part, lane);
    }

    private Message proceed(Frame part, int lane) throws Fault {
        if ((part.flags() & Frame.FIRST) != 0) {
            if (partial[lane] != null) throw new Fault("part", "two first parts in lane " + lane);
            partial[lane] = new Partial(part, Integer.compareUnsigned(part.total(), limit) > 0);
        }
        Partial open = partial[lane];
        if (open == null || !same(open.first, part)) throw new Fault("part", "a part that continues nothing in lane " + lane);
        open.arrived += part.payload().length;
        if (open.arrived > Integer.toUnsignedLong(part.total())) throw new Fault("part", "more parts than announced in lane " + lane);
        if (!open.tooLong) open.data.writeBytes(part.payload());
        if ((part.flags() & Frame.LAST) == 0) return null;
        if (open.arrived != Integer.toUnsignedLong(part.total())) throw new Fault("part", "a message ends too early in lane " + lane);
        partial[lane] = null;
        return message(open.first, open.data.toByteArray(), open.tooLong);
    }

    private static boolean same(Frame a, Frame b) {
        return a.kind() == b.kind() && a.source() == b.source() && a.target() == b.target() && a.object() == b.object()
                && a.total() == b.total() && a.corr() == b.corr();
    }

    private static Message message(Frame f, byte[] payload, boolean tooLong) {
        boolean wantsAnswer = (f.flags() & Frame.WANTS_ANSWER) != 0;
        return new Message(f.kind(), f.lane(), f.source(), f.target(), f.object(), f.corr(), wantsAnswer, payload, tooLong);
    }
}
