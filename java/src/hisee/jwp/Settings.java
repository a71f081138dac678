package hisee.jwp;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** What `hisee jwp` tells the virtual machine on standard input, as one map: nothing of it stands in a command line. */
final class Settings {
    private final Map<String, Object> map;

    private Settings(Map<String, Object> map) {
        this.map = map;
    }

    static Settings read(InputStream in) throws IOException {
        return new Settings(Pack.decodeMap(in.readAllBytes()));
    }

    byte[] secret() {
        return (byte[]) map.get("secret");
    }

    Path socket() {
        return Path.of(text("socket"));
    }

    Path log() {
        return Path.of(text("log"));
    }

    String text(String key) {
        return String.valueOf(map.get(key));
    }

    long number(String key) {
        return ((Number) map.get(key)).longValue();
    }

    /** Of the table of limits. */
    int limit(String name) {
        return ((Number) table("limits").get(name)).intValue();
    }

    /** Of the table of timers, in milliseconds. */
    long timer(String name) {
        return ((Number) table("timers").get(name)).longValue();
    }

    /** Rows {name, syntax, doc} of the commands that this kind of process takes. */
    @SuppressWarnings("unchecked")
    List<Map<String, Object>> commands() {
        return (List<Map<String, Object>>) map.get("commands");
    }

    /** The fields of HELLO that are known before the services are. */
    @SuppressWarnings("unchecked")
    Map<String, Object> hello() {
        return (Map<String, Object>) map.get("hello");
    }

    @SuppressWarnings("unchecked")
    private Map<String, Object> table(String name) {
        return (Map<String, Object>) map.get(name);
    }
}
