package hisee.jwp;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The session with the server over its control socket. One thread reads, one writes, nobody else touches the socket: a service
 * thread that is interrupted would close it otherwise. Counts and acknowledges frames, beats, and ends once, with a reason.
 */
final class Link implements Logon.Wire {
    interface Receiver {
        void onMessage(Message message) throws IOException;
    }

    private static final int ACK_EVERY = 64;
    private static final int WAITING = 256; // messages that wait for the writer; whoever adds one more waits
    private static final Message ACK = new Message(0, 0, 0, 0, 0, 0, false, new byte[0], false);

    private final SocketChannel socket;
    private final Decoder decoder;
    private final Assembly assembly;
    private final int partBytes;
    private final long heartbeatMs;
    private final long ackMs;
    private final long[] seq = new long[256];
    private final BlockingQueue<Message> out = new LinkedBlockingQueue<>(WAITING);
    private final AtomicLong owed = new AtomicLong(); // frames that arrived and were not acknowledged
    private final ByteBuffer read = ByteBuffer.allocate(1 << 16);
    private volatile long arrived; // counted frames of the server
    private volatile long sent; // own counted frames
    private volatile long heardNs = System.nanoTime();
    private volatile String farewell; // GOODBYE that the writer says behind everything accepted
    private volatile boolean saidGoodbye;
    private long session;
    private int epoch;

    Link(Path path, Settings settings) throws IOException {
        socket = SocketChannel.open(UnixDomainSocketAddress.of(path));
        decoder = new Decoder(settings.limit("frame_before_logon_bytes"));
        frameBytes = settings.limit("frame_bytes");
        assembly = new Assembly(frameBytes);
        partBytes = settings.limit("fragment_bytes");
        heartbeatMs = settings.timer("heartbeat");
        ackMs = settings.timer("ack_alone");
    }

    private final int frameBytes;

    Map<String, Object> logOn(Map<String, Object> hello, byte[] secret) throws IOException {
        return Logon.logOn(this, hello, secret);
    }

    // --- the logon

    @Override
    public void say(int kind, byte[] payload) throws IOException {
        write(new Frame(session, 0, 0, epoch, kind, 0, Frame.WHOLE, 0, 0, 0, payload.length, 0, payload));
    }

    @Override
    public Frame hear() throws IOException {
        Frame frame;
        while ((frame = decoder.next()) == null) fill();
        return frame;
    }

    @Override
    public void openSession(long session, int epoch) {
        this.session = decoder.session = session;
        this.epoch = decoder.epoch = epoch;
        decoder.limit = frameBytes;
    }

    // --- in

    /** Reads until the session ends; returns the reason: "goodbye: ..." or "died"; a Fault = "poisoned". */
    String receive(Receiver receiver) throws IOException {
        try {
            while (true) {
                Frame frame = hear();
                heardNs = System.nanoTime();
                if (Long.compareUnsigned(frame.ack(), sent) > 0) throw new Fault("ack", "an acknowledgement of frames never sent");
                if (frame.kind() == Table.GOODBYE) return "goodbye: " + Pack.decodeMap(frame.payload()).getOrDefault("reason", "");
                if (frame.seq() == 0) control(frame);
                else take(frame, receiver);
            }
        } catch (Fault fault) {
            throw fault;
        } catch (IOException gone) {
            return "died";
        }
    }

    private void control(Frame frame) throws Fault {
        if (frame.kind() != Table.HEARTBEAT) throw new Fault("control", String.format("link control 0x%04x in a session", frame.kind()));
    }

    private void take(Frame frame, Receiver receiver) throws IOException {
        arrived++; // only this thread writes it
        if (owed.incrementAndGet() == 1) out.offer(ACK); // a full queue takes the acknowledgement along anyway
        Message message = assembly.add(frame);
        if (message != null) receiver.onMessage(message);
    }

    private void fill() throws IOException {
        read.clear();
        if (socket.read(read) < 0) throw new IOException("the server closed the connection");
        decoder.feed(read.flip());
    }

    /** Milliseconds without a sign of the server. */
    long silentMs() {
        return (System.nanoTime() - heardNs) / 1_000_000;
    }

    /** This process itself did not run: what looks like silence was its own. */
    void forgiveSilence() {
        heardNs = System.nanoTime();
    }

    // --- out

    /** Hand `message` to the writer; waits while it has much to do. */
    void send(Message message) throws InterruptedException {
        out.put(message);
    }

    /** The same without waiting; false = nothing was taken. */
    boolean trySend(Message message) {
        return out.offer(message);
    }

    /** Writes until the socket ends, or GOODBYE was said. */
    void writeAll() {
        try {
            long quietMs = heartbeatMs * 5 / 4; // the load goes once per heartbeat and is a sign of life as well
            while (!saidGoodbye) writeNext(out.poll(quietMs, TimeUnit.MILLISECONDS));
        } catch (IOException | InterruptedException gone) {
            // the reader finds the end, and what came before it
        }
    }

    private void writeNext(Message message) throws IOException, InterruptedException {
        Message next = message == ACK && owed.get() < ACK_EVERY ? out.poll(ackMs, TimeUnit.MILLISECONDS) : message;
        if (next != null && next != ACK) {
            writeParts(next);
        } else if (farewell != null && out.isEmpty()) {
            say(Table.GOODBYE, Pack.encode(Map.of("reason", farewell)));
            saidGoodbye = true;
        } else if (message == null || owed.get() > 0) {
            beat();
        }
    }

    private void beat() throws IOException {
        owed.set(0);
        write(new Frame(session, 0, arrived, epoch, Table.HEARTBEAT, 0, Frame.WHOLE, 0, 0, 0, 0, 0, new byte[0]));
    }

    private void writeParts(Message m) throws IOException {
        int total = m.payload().length;
        int start = 0;
        do {
            int end = Math.min(start + partBytes, total);
            int flags = (start == 0 ? Frame.FIRST : 0) | (end == total ? Frame.LAST : 0) | (m.wantsAnswer() ? Frame.WANTS_ANSWER : 0);
            byte[] part = start == 0 && end == total ? m.payload() : Arrays.copyOfRange(m.payload(), start, end);
            owed.set(0);
            sent++; // only this thread writes it; before the frame leaves, since its acknowledgement may be faster
            write(new Frame(session, ++seq[m.lane()], arrived, epoch, m.kind(), m.lane(), flags, m.source(), m.target(), m.object(),
                    total, m.corr(), part));
            start = end;
        } while (start < total);
    }

    private void write(Frame frame) throws IOException {
        ByteBuffer bytes = frame.encode();
        while (bytes.hasRemaining()) socket.write(bytes);
    }

    /** Ask the writer to say GOODBYE; returns once it did, or after `waitMs`. */
    void close(String reason, long waitMs) throws InterruptedException {
        farewell = reason;
        long end = System.nanoTime() + waitMs * 1_000_000;
        while (!saidGoodbye && System.nanoTime() < end) {
            out.offer(ACK);
            Thread.sleep(5);
        }
    }
}
