package hisee.jwp;

import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Calls of services: one per task at a time. A second request for a task that runs takes the place of the first asker, so that a
 * work process which took over a task gets the answer of the call that runs already.
 */
final class Calls {
    private static final int WAITING = 1000;

    private final Map<String, Service> services;
    private final Link link;
    private final Log log;
    private final int number; // of this process
    private final int threads;
    private final long noteMs;
    private final long stuckMs;
    private final Map<Long, Call> running = new HashMap<>(); // by task; also those that wait for a thread
    private final Set<Call> calls = new HashSet<>(); // those, and what was given up and has not ended; guarded by `running`
    private final ThreadPoolExecutor pool;
    private boolean closed;
    final AtomicLong called = new AtomicLong();
    final AtomicLong failed = new AtomicLong();
    private final AtomicInteger hanging = new AtomicInteger(); // threads whose call was given up and does not end

    Calls(Map<String, Service> services, Link link, Log log, int number, int threads, Settings settings) {
        this.services = services;
        this.link = link;
        this.log = log;
        this.number = number;
        this.threads = threads;
        noteMs = settings.timer("progress");
        stuckMs = settings.timer("stop");
        AtomicInteger count = new AtomicInteger();
        pool = new ThreadPoolExecutor(threads, threads, 30, TimeUnit.SECONDS, new ArrayBlockingQueue<>(WAITING), work -> {
            Thread thread = new Thread(work, "service-" + count.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        });
        pool.allowCoreThreadTimeOut(true);
    }

    /** One request of a work process; it is answered by REPLY or FAILED, once. */
    void begin(Message request) throws Fault, InterruptedException {
        if (request.tooLong()) {
            fail(request, Table.ERR_TRANS_ABORT, Table.TOO_LONG, "the arguments are longer than this process takes");
            return;
        }
        Map<String, Object> map = request.map();
        if (!(map.get("task") instanceof Long task) || !(map.get("service") instanceof String name)) {
            fail(request, Table.ERR_PARAM_TYPE, 0, "a call without task or service");
            return;
        }
        Service service = services.get(name);
        if (service == null) {
            fail(request, Table.ERR_TRANS_ABORT, Table.PROCESS_NOT_RUNNING, "this Java work process has no service " + name);
        } else {
            enter(new Call(task, service, arguments(map), map.get("timeout_ms") instanceof Long ms ? ms : 0, request));
        }
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> arguments(Map<String, Object> map) {
        return map.get("args") instanceof Map<?, ?> args ? (Map<String, Object>) args : new HashMap<>();
    }

    private void enter(Call call) throws Fault, InterruptedException {
        synchronized (running) {
            Call old = running.get(call.task);
            if (old != null && !old.cancelled && old.service == call.service) {
                old.asker = call.asker; // a task is taken over: the old asker is gone
                return;
            }
            if (!closed && accept(call)) return;
        }
        refuse(call);
    }

    private boolean accept(Call call) {
        try {
            pool.execute(call);
        } catch (RejectedExecutionException full) {
            return false;
        }
        running.put(call.task, call); // it cannot have ended: its end needs the lock that we hold
        calls.add(call);
        return true;
    }

    private void refuse(Call call) throws Fault, InterruptedException {
        if (closed) fail(call.asker, Table.ERR_TRANS_ABORT, Table.PROCESS_NOT_RUNNING, "this Java work process ends");
        else fail(call.asker, Table.ERR_TRANS_ABORT, Table.QUEUE_FULL, "this Java work process has no room for another call");
    }

    /** Nobody wants the answer any more. */
    void cancel(long task) {
        Call call;
        synchronized (running) {
            call = running.get(task);
        }
        if (call != null) call.giveUp("cancelled");
    }

    /** Judge times; false = every thread hangs in a service that does not end, nothing can be done here any more. */
    boolean tick(long nowNs) {
        List<Call> all;
        synchronized (running) {
            all = List.copyOf(calls);
        }
        for (Call call : all) call.judge(nowNs);
        return hanging.get() < threads;
    }

    int count() {
        synchronized (running) {
            return running.size();
        }
    }

    /** Take nothing new; true once nothing runs. */
    boolean drain() {
        synchronized (running) {
            closed = true;
            return running.isEmpty();
        }
    }

    private void fail(Message request, int error, int extended, String text) throws Fault, InterruptedException {
        failed.incrementAndGet();
        log.debug("call refused: " + text);
        Map<String, Object> payload = Map.of("error", error, "extended", extended, "text", text);
        link.send(Message.of(Table.FAILED, request.lane(), number, request.source(), request.corr(), payload));
    }

    /** One call, from its request to its answer. */
    private final class Call implements Runnable, Progress {
        final long task;
        final Service service;
        final Map<String, Object> args;
        final long timeoutNs;
        volatile Message asker;
        volatile boolean cancelled; // and answered
        private Thread thread;
        private long startedNs;
        private long givenUpNs;
        private boolean isHanging;
        private long notedNs;

        Call(long task, Service service, Map<String, Object> args, long timeoutMs, Message asker) {
            this.task = task;
            this.service = service;
            this.args = args;
            this.timeoutNs = timeoutMs * 1_000_000;
            this.asker = asker;
        }

        @Override
        public void run() {
            begun();
            try {
                tell(0, "");
                if (!cancelled) answer(work());
            } catch (InterruptedException ended) {
                Thread.currentThread().interrupt();
            } finally {
                over();
            }
        }

        private synchronized void begun() {
            thread = Thread.currentThread();
            startedNs = System.nanoTime();
            notedNs = startedNs - noteMs * 1_000_000;
        }

        private synchronized void over() {
            thread = null;
            Thread.interrupted();
            if (isHanging) hanging.decrementAndGet();
            synchronized (running) {
                running.remove(task, this);
                calls.remove(this);
            }
        }

        private byte[] work() {
            called.incrementAndGet();
            try {
                Map<String, Object> reply = new LinkedHashMap<>();
                reply.put("ok", true);
                reply.put("result", service.call(args, this));
                return Pack.encode(reply);
            } catch (Refused refused) {
                return failure(refused.getMessage(), true);
            } catch (Throwable thrown) { // a service must not be able to end the process
                if (!cancelled) log.error("task " + task + ": service " + service.name(), thrown);
                return failure(thrown.toString(), false);
            }
        }

        private void answer(byte[] result) throws InterruptedException {
            synchronized (running) { // nobody may become the asker of a call that is answered
                if (cancelled) return;
                cancelled = true;
            }
            Thread.interrupted(); // the service's own affair; nobody interrupts an answered call
            Message to = asker;
            link.send(new Message(Table.REPLY, to.lane(), number, to.source(), to.object(), to.corr(), false, result, false));
        }

        private byte[] failure(String text, boolean isFinal) {
            failed.incrementAndGet();
            return Pack.known(Map.of("ok", false, "text", String.valueOf(text), "final", isFinal));
        }

        synchronized void judge(long nowNs) {
            if (thread == null) return;
            if (!cancelled && timeoutNs > 0 && nowNs - startedNs > timeoutNs) {
                giveUp("no result within " + timeoutNs / 1_000_000 + " ms");
            } else if (givenUpNs != 0 && !isHanging && nowNs - givenUpNs > stuckMs * 1_000_000) {
                isHanging = true;
                hanging.incrementAndGet();
                log.warning("task " + task + ": service " + service.name() + " was interrupted and does not end; its thread is lost");
            }
        }

        void giveUp(String why) {
            synchronized (running) {
                if (cancelled) return;
                cancelled = true;
            }
            Message to = asker;
            link.trySend(new Message(Table.REPLY, to.lane(), number, to.source(), to.object(), to.corr(), false, failure(why, false), false));
            synchronized (this) {
                givenUpNs = System.nanoTime();
                if (thread != null) thread.interrupt();
            }
        }

        @Override
        public long task() {
            return task;
        }

        @Override
        public boolean isCancelled() {
            return cancelled;
        }

        @Override
        public void report(double share, String text) {
            long now = System.nanoTime();
            if (cancelled || now - notedNs < noteMs * 1_000_000) return;
            notedNs = now;
            tell(share, text);
        }

        /** The first note says that the call has begun. */
        private void tell(double share, String text) {
            byte[] payload = Pack.known(Map.of("task", task, "share", share, "text", text == null ? "" : text));
            link.trySend(new Message(Table.SERVICE_PROGRESS, Table.LANE_JAVA, number, asker.source(), 0, 0, false, payload, false));
        }
    }
}
