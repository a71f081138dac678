package trials;

import hisee.jwp.Progress;
import hisee.jwp.Refused;
import hisee.jwp.Service;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Services of an application that behave well or badly, for tests. */
public final class Trials implements Service {
    @Override
    public String name() {
        return "trials";
    }

    @Override
    public Object call(Map<String, Object> args, Progress progress) throws Exception {
        return switch (String.valueOf(args.get("what"))) {
            case "task" -> progress.task();
            case "refuse" -> throw new Refused("not with me");
            case "throw" -> throw new IllegalStateException("broken");
            case "recurse" -> recurse(0);
            case "object" -> new Object();
            case "big" -> "x".repeat(((Long) args.get("size")).intValue());
            case "stuck" -> stuck();
            case "memory" -> memory();
            case "noisy" -> noisy(progress);
            default -> throw new Refused("what?");
        };
    }

    private static long recurse(long depth) {
        return recurse(depth + 1) + 1;
    }

    /** Does not react to being interrupted. */
    private static Object stuck() {
        while (true) {
            try {
                Thread.sleep(10_000);
            } catch (InterruptedException ignored) {
                Thread.onSpinWait();
            }
        }
    }

    private static Object memory() {
        List<byte[]> all = new ArrayList<>();
        while (true) all.add(new byte[1 << 20]);
    }

    private static Object noisy(Progress progress) {
        for (int i = 0; i < 100_000; i++) progress.report(i / 100_000.0, "note " + i);
        return "done";
    }
}
