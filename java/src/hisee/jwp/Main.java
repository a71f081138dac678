package hisee.jwp;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.TreeMap;

/**
 * A Java work process. `hisee jwp` has taken its number and its port, and became this virtual machine: the process id is the
 * same. Standard input holds the settings, standard output takes the ready line.
 */
public final class Main {
    private static final int EXIT_RESTART = 75; // the session was lost: a new incarnation may do better
    private static final int EXIT_START = 3;
    private static final int EXIT_HANGING = 70;
    private static final int NAMES_MAX = 3000; // bytes of service names: HELLO is one small frame
    private static final int PAGE = 4096;
    private static final long TICK_NS = 10_000_000; // USER_HZ, the same on every Linux
    private static final int KNL = 1;

    private final Settings settings;
    private final Log log;
    private final Map<String, Service> services;
    private final Link link;
    private volatile Calls calls;
    private volatile int number;
    private volatile boolean stopping;

    private Main(Settings settings) throws IOException {
        this.settings = settings;
        log = new Log(settings.log(), settings.text("name"), settings.limit("log_bytes"), settings.limit("log_files"));
        services = found();
        link = new Link(settings.socket(), settings);
    }

    public static void main(String[] words) {
        Main main = null;
        try {
            main = new Main(Settings.read(System.in));
            main.run();
        } catch (Throwable fault) {
            System.err.println("hisee jwp: " + fault.getMessage());
            if (main != null) main.log.error("start failed", fault);
            Runtime.getRuntime().halt(EXIT_START);
        }
    }

    private void run() throws IOException, InterruptedException {
        nameThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> end("stopped by a signal", 0), "end"));
        guardLogon();
        Map<String, Object> hello = new LinkedHashMap<>(settings.hello());
        hello.put("facts", facts());
        Map<String, Object> welcome = link.logOn(hello, settings.secret());
        number = ((Long) welcome.get("number")).intValue();
        calls = new Calls(services, link, log, number, (int) settings.number("threads"), settings);
        daemon("writer", link::writeAll);
        daemon("reader", this::read);
        announce(welcome);
        watch();
    }

    /** Services of our own jar first, so that no other jar takes their names. */
    private Map<String, Service> found() {
        Map<String, Service> found = new TreeMap<>();
        Iterator<Service> loader = ServiceLoader.load(Service.class).iterator();
        while (true) {
            try {
                if (!loader.hasNext()) return found;
                Service service = loader.next();
                if (!service.name().matches("[A-Za-z0-9_.-]{1,64}")) log.warning("service name refused: " + service.name());
                else if (found.putIfAbsent(service.name(), service) != null) log.warning("two services named " + service.name() + ": the first one stays");
            } catch (ServiceConfigurationError | LinkageError fault) {
                log.error("a service cannot be loaded", fault);
            }
        }
    }

    private Map<String, Object> facts() throws Fault {
        List<String> names = new ArrayList<>(services.keySet());
        if (names.stream().mapToInt(String::length).sum() > NAMES_MAX) throw new Fault("services", "too many services for one process");
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("rings", false);
        facts.put("services", names);
        facts.put("host", settings.text("host"));
        facts.put("port", settings.number("port"));
        return facts;
    }

    private void announce(Map<String, Object> welcome) {
        String name = String.valueOf(welcome.get("name"));
        log.info("ready: " + name + " with services " + String.join(", ", services.keySet()) + ", port " + settings.number("port")
                + ", Java " + Runtime.version());
        System.out.print("ready jwp name=" + name + " port=" + settings.number("port") + "\n");
        System.out.flush();
        System.out.close();
    }

    // --- what comes

    private void read() {
        try {
            String reason = link.receive(this::onMessage);
            lost(reason, reason.startsWith("goodbye") ? 0 : EXIT_RESTART);
        } catch (Throwable fault) {
            log.error("poisoned", fault);
            lost("poisoned", EXIT_RESTART);
        }
    }

    private void lost(String reason, int exit) {
        if (stopping) return; // the ordered end has its own way out
        log.warning("the session has ended: " + reason);
        Runtime.getRuntime().halt(exit);
    }

    private void onMessage(Message message) throws IOException {
        log.trace(String.format("in 0x%04x lane %d from %d corr %d bytes %d", message.kind(), message.lane(), message.source(),
                message.corr(), message.payload().length));
        try {
            switch (message.kind()) {
                case Table.SERVICE_CALL -> calls.begin(message);
                case Table.JOB_STOP -> jobStop(message);
                case Table.COMMAND -> reply(message, command(message));
                case Table.ECHO -> reply(message, message.payload());
                case Table.STOP -> stop("stopped by the server");
                default -> unknown(message);
            }
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        } catch (Fault | RuntimeException fault) { // a payload that cannot be read costs its own message only
            log.error("message 0x" + Integer.toHexString(message.kind()), fault);
            if (message.wantsAnswer()) link.trySend(failed(message, Table.ERR_PARAM_TYPE, fault.getMessage()));
        }
    }

    private byte[] command(Message message) throws Fault {
        Commands commands = new Commands(settings.commands(), log, this::status, () -> stop("stopped by command"));
        return commands.execute(String.valueOf(message.map().get("command"))).payload();
    }

    private void jobStop(Message message) throws Fault, InterruptedException {
        if (message.map().get("job") instanceof Long task) calls.cancel(task);
        if (message.wantsAnswer()) reply(message, new byte[0]);
    }

    private void reply(Message request, byte[] payload) throws InterruptedException {
        if (!request.wantsAnswer()) return;
        link.send(new Message(Table.REPLY, request.lane(), number, request.source(), request.object(), request.corr(), false, payload, false));
    }

    private void unknown(Message message) {
        if (message.wantsAnswer()) {
            link.trySend(failed(message, Table.ERR_NOT_SUPPORTED, String.format("a Java work process takes no message 0x%04x", message.kind())));
        }
    }

    private Message failed(Message request, int error, String text) {
        byte[] payload = Pack.known(Map.of("error", error, "text", String.valueOf(text)));
        return new Message(Table.FAILED, request.lane(), number, request.source(), request.object(), request.corr(), false, payload, false);
    }

    /** Facts as JSON, as other processes tell theirs. */
    private String status() {
        return String.format("{\"pid\":%d,\"memory_bytes\":%d,\"calls\":%d,\"failed\":%d,\"running\":%d,\"services\":[%s],\"java\":\"%s\"}",
                ProcessHandle.current().pid(), memory(), calls.called.get(), calls.failed.get(), calls.count(),
                String.join(",", services.keySet().stream().map(name -> '"' + name + '"').toList()), Runtime.version());
    }

    // --- time

    private void guardLogon() {
        daemon("logon", () -> {
            sleep(settings.timer("logon"));
            if (number == 0) {
                log.warning("the logon took too long");
                Runtime.getRuntime().halt(EXIT_START);
            }
        });
    }

    /** Twice per heartbeat: judge the server's silence, the times of calls, and tell the load. */
    private void watch() {
        long period = settings.timer("heartbeat") / 2;
        long watchdog = settings.timer("watchdog");
        for (long turn = 0; ; turn++) {
            long before = System.nanoTime();
            sleep(period);
            long now = System.nanoTime();
            if ((now - before) / 1_000_000 > 5 * period) link.forgiveSilence(); // we were stopped; the reader will find out
            else if (link.silentMs() > watchdog) lost("silent", EXIT_RESTART);
            if (!calls.tick(now)) {
                log.warning("every thread hangs in a service: this process ends");
                Runtime.getRuntime().halt(EXIT_HANGING);
            }
            if (turn % 2 == 0 && !stopping) link.trySend(load());
        }
    }

    private Message load() {
        Map<String, Object> counters = Map.of("calls", calls.called.get(), "failed", calls.failed.get(), "running", (long) calls.count());
        long busy = busyNs();
        byte[] payload = Pack.known(Map.of("busy_ns", busy, "memory_bytes", memory(), "now_ms", System.currentTimeMillis(), "counters", counters));
        return new Message(Table.LOAD, Table.LANE_CONTROL, number, KNL, 0, 0, false, payload, false);
    }

    /** Processor time of this process. ProcessHandle would look up the name of its user each time. */
    private static long busyNs() {
        try {
            String text = Files.readString(Path.of("/proc/self/stat"));
            String[] fields = text.substring(text.lastIndexOf(')') + 2).split(" ");
            return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) * TICK_NS;
        } catch (IOException | NumberFormatException unknown) {
            return 0;
        }
    }

    private static long memory() {
        try {
            return Long.parseLong(Files.readString(Path.of("/proc/self/statm")).split(" ")[1]) * PAGE;
        } catch (IOException | NumberFormatException unknown) {
            return 0;
        }
    }

    // --- the end

    private void stop(String why) {
        daemon("stop", () -> end(why, 0));
    }

    /** Finish what runs, say goodbye, end. Also the shutdown hook: the exit status of an ordered end is 0, whatever began it. */
    private void end(String why, int exit) {
        synchronized (this) {
            if (stopping) return;
            stopping = true;
        }
        log.info(why);
        long limit = settings.timer("stop") * 3 / 4; // the rest is for saying goodbye before somebody kills
        long until = System.nanoTime() + limit * 1_000_000;
        while (calls != null && !calls.drain() && System.nanoTime() < until) sleep(10);
        try {
            if (calls != null) link.close(why, settings.timer("stop") / 8);
        } catch (InterruptedException hurried) {
            log.warning("no goodbye");
        }
        log.info("ended");
        Runtime.getRuntime().halt(exit);
    }

    private static void sleep(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        }
    }

    private static void daemon(String name, Runnable body) {
        Thread thread = new Thread(body, name);
        thread.setDaemon(true);
        thread.start();
    }

    /** What `top` shows. */
    private void nameThread() {
        try {
            Files.write(Path.of("/proc/self/comm"), ("hisee-" + settings.text("name")).getBytes(StandardCharsets.UTF_8));
        } catch (IOException unnamed) {
            log.debug("the process keeps the name java");
        }
    }
}
