package hisee.jwp;

import java.util.Map;

/** {@code service.echo}: answers its arguments; {@code wait_ms} makes it take that long, with progress notes. For trials. */
public final class Echo implements Service {
    private static final long STEP_MS = 100;

    @Override
    public String name() {
        return "echo";
    }

    @Override
    public Object call(Map<String, Object> args, Progress progress) throws Exception {
        long wait = args.get("wait_ms") instanceof Number n ? n.longValue() : 0;
        for (long done = 0; done < wait && !progress.isCancelled(); done += STEP_MS) {
            progress.report((double) done / wait, done + " of " + wait + " ms");
            Thread.sleep(Math.min(STEP_MS, wait - done));
        }
        return args;
    }
}
