package hisee.jwp;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;

/** What `hisee tell` may ask of this process. Results are ok, error, aborted or ignored, with a text. */
final class Commands {
    record Result(String result, String text) {
        private static final Map<String, Integer> ERRORS = Map.of("error", Table.ERR_TRANS_ERROR, "ignored", Table.ERR_TRANS_IGNORED);

        byte[] payload() {
            return Pack.known(Map.of("result", result, "text", text, "error", ERRORS.getOrDefault(result, 0)));
        }
    }

    private final List<Map<String, Object>> rows;
    private final Log log;
    private final Supplier<String> status;
    private final Runnable stop;

    Commands(List<Map<String, Object>> rows, Log log, Supplier<String> status, Runnable stop) {
        this.rows = rows;
        this.log = log;
        this.status = status;
        this.stop = stop;
    }

    Result execute(String line) {
        String[] words = line.strip().split("\\s+");
        String argument = words.length > 1 ? words[1].toUpperCase(Locale.ROOT) : "";
        log.info("command " + line);
        return switch (words[0].toUpperCase(Locale.ROOT)) {
            case "HELP" -> new Result("ok", help());
            case "PING" -> new Result("ok", "");
            case "STATUS" -> new Result("ok", status.get());
            case "STOP" -> stopping();
            case "LOG" -> argument.equals("SHIFT") ? shift() : wrong("LOG SHIFT");
            case "DI" -> onOff(argument, "DI ON|OFF", log::setDebug);
            case "E" -> category(argument);
            case "TRACE" -> onOff(argument, "TRACE ON|OFF", log::setTrace);
            default -> new Result("ignored", "no command " + words[0] + " here; HELP lists what there is");
        };
    }

    private String help() {
        StringBuilder text = new StringBuilder();
        for (Map<String, Object> row : rows) text.append(row.get("syntax")).append("  ").append(row.get("doc")).append('\n');
        return text.toString().stripTrailing();
    }

    private Result stopping() {
        stop.run();
        return new Result("ok", "what runs is completed first");
    }

    private Result shift() {
        try {
            log.shift();
            return new Result("ok", "");
        } catch (IOException fault) {
            return new Result("error", fault.toString());
        }
    }

    private interface Switch {
        void set(boolean on);
    }

    private Result onOff(String argument, String syntax, Switch of) {
        if (!argument.equals("ON") && !argument.equals("OFF")) return wrong(syntax);
        of.set(argument.equals("ON"));
        return new Result("ok", "");
    }

    /** This process has one category of debug lines, its calls. */
    private Result category(String argument) {
        if (!argument.endsWith("CALLS") || argument.length() != 6) return new Result("error", "the category of this process is CALLS");
        log.setDebug(argument.charAt(0) == '+');
        return new Result("ok", "");
    }

    private static Result wrong(String syntax) {
        return new Result("error", "it is written " + syntax);
    }
}
