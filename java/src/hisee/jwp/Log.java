package hisee.jwp;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;

/** The log of this process: NAME.00.log is the newest file, older ones count upwards. Lines look like those of the other processes. */
final class Log {
    private static final DateTimeFormatter STAMP = DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS");
    private final Path folder;
    private final String name;
    private final long longest; // bytes of one file
    private final int kept; // files
    private volatile boolean debug;
    private volatile boolean trace;

    Log(Path folder, String name, long longest, int kept) {
        this.folder = folder;
        this.name = name;
        this.longest = longest;
        this.kept = kept;
    }

    void info(String text) {
        line("INFO", text);
    }

    void warning(String text) {
        line("WARNING", text);
    }

    void error(String text, Throwable why) {
        StringBuilder all = new StringBuilder(text).append(": ").append(why);
        for (StackTraceElement at : why.getStackTrace()) all.append("\n    at ").append(at);
        line("ERROR", all.toString());
    }

    void debug(String text) {
        if (debug) line("DEBUG", text);
    }

    void trace(String text) {
        if (trace) write(name + ".trace", text);
    }

    void setDebug(boolean on) {
        debug = on;
    }

    void setTrace(boolean on) {
        trace = on;
    }

    private void line(String level, String text) {
        write(name, level + " hisee.jwp " + text);
    }

    /** A log that cannot be written must not end the process: the line goes to standard error instead. */
    private synchronized void write(String base, String text) {
        String line = STAMP.format(ZonedDateTime.now(ZoneId.systemDefault())) + " " + text + "\n";
        try {
            Path file = file(base, 0);
            if (Files.exists(file) && Files.size(file) > longest) shift(base);
            Files.writeString(file, line, StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException full) {
            System.err.print(line);
        }
    }

    /** Begin a new file; the oldest one beyond the limit goes. */
    synchronized void shift() throws IOException {
        shift(name);
    }

    private void shift(String base) throws IOException {
        for (int number = kept - 2; number >= 0; number--) {
            if (Files.exists(file(base, number))) {
                Files.move(file(base, number), file(base, number + 1), StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }

    private Path file(String base, int number) {
        return folder.resolve(String.format("%s.%02d.log", base, number));
    }
}
