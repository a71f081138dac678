package hisee.jwp;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * {@code service.tariff}: what a run of hourly energy costs. Arguments: {@code start} (milliseconds UTC or ISO 8601 with Z; the
 * first hour), {@code zone} (name of the time zone whose clock the prices follow), {@code kwh} (one number an hour, null = no
 * reading), {@code prices}: a list of {@code name}, {@code price} (per kWh), {@code from} and {@code to} (hours of the local
 * day, 22 to 6 runs over midnight; without both: the whole day), {@code days} ("12345" of 1 = Monday to 7; absent = all). The
 * first line that fits an hour counts. Sums are decimal, rounded once, at the end, to 4 places, half to even.
 */
public final class Tariff implements Service {
    private static final long HOUR_MS = 3_600_000;
    private static final int LONGEST = 100_000; // hours: eleven years

    @Override
    public String name() {
        return "tariff";
    }

    @Override
    public Object call(Map<String, Object> args, Progress progress) throws Refused {
        List<Line> lines = lines(args.get("prices"));
        ZoneId zone = zone(args.get("zone"));
        Instant hour = start(args.get("start"));
        List<?> kwh = list(args.get("kwh"), "kwh");
        if (kwh.size() > LONGEST) throw new Refused("kwh has " + kwh.size() + " hours, at most " + LONGEST + " are worked out");
        int missing = 0;
        for (int i = 0; i < kwh.size(); i++, hour = hour.plusMillis(HOUR_MS)) {
            if (i % 1000 == 0) progress.report((double) i / kwh.size(), i + " hours");
            if (kwh.get(i) == null) missing++;
            else fitting(lines, hour.atZone(zone)).add(decimal(kwh.get(i), "kwh"));
        }
        return result(lines, kwh.size(), missing);
    }

    private static Map<String, Object> result(List<Line> lines, int hours, int missing) {
        Map<String, Object> by = new LinkedHashMap<>();
        BigDecimal energy = BigDecimal.ZERO;
        BigDecimal cost = BigDecimal.ZERO;
        for (Line line : lines) {
            if (line.sum != line) continue;
            energy = energy.add(line.energy);
            cost = cost.add(line.cost());
            by.put(line.name, Map.of("kwh", rounded(line.energy), "cost", rounded(line.cost()), "hours", line.hours));
        }
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("cost", rounded(cost));
        result.put("kwh", rounded(energy));
        result.put("hours", hours);
        result.put("missing", missing);
        result.put("by", by);
        return result;
    }

    private static Line fitting(List<Line> lines, ZonedDateTime local) throws Refused {
        for (Line line : lines) if (line.fits(local)) return line;
        throw new Refused("no line of prices fits " + local);
    }

    private static List<Line> lines(Object given) throws Refused {
        List<Line> lines = new ArrayList<>();
        for (Object row : list(given, "prices")) {
            if (!(row instanceof Map<?, ?> map)) throw new Refused("a line of prices is no table");
            Line line = new Line(map);
            if (lines.stream().anyMatch(l -> l.name.equals(line.name) && l.price.compareTo(line.price) != 0)) {
                throw new Refused("prices: " + line.name + " has two prices");
            }
            lines.add(lines.stream().filter(l -> l.name.equals(line.name)).findFirst().map(line::sharing).orElse(line));
        }
        if (lines.isEmpty()) throw new Refused("prices is empty");
        return lines;
    }

    private static List<?> list(Object value, String what) throws Refused {
        if (value instanceof List<?> list) return list;
        throw new Refused(what + " is no list");
    }

    private static ZoneId zone(Object value) throws Refused {
        try {
            return ZoneId.of(value == null ? "UTC" : value.toString());
        } catch (DateTimeException unknown) {
            throw new Refused("unknown time zone " + value);
        }
    }

    private static Instant start(Object value) throws Refused {
        try {
            return value instanceof Number ms ? Instant.ofEpochMilli(ms.longValue()) : Instant.parse(String.valueOf(value));
        } catch (DateTimeException wrong) {
            throw new Refused("start " + value + " is no time; milliseconds UTC or 2026-01-01T00:00:00Z");
        }
    }

    private static BigDecimal decimal(Object value, String what) throws Refused {
        try {
            if (value instanceof Number) return new BigDecimal(value.toString());
        } catch (NumberFormatException notFinite) {
            // said below
        }
        throw new Refused(what + ": " + value + " is no number");
    }

    private static double rounded(BigDecimal value) {
        return value.setScale(4, RoundingMode.HALF_EVEN).doubleValue();
    }

    /** One line of the table of prices, and what it has summed up. */
    private static final class Line {
        final String name;
        final BigDecimal price;
        final int from;
        final int to;
        final String days;
        BigDecimal energy = BigDecimal.ZERO;
        long hours;
        private Line sum = this; // lines of one name sum up together

        Line(Map<?, ?> row) throws Refused {
            name = String.valueOf(row.get("name"));
            price = decimal(row.get("price"), "price of " + name);
            from = hour(row.get("from"), 0);
            to = hour(row.get("to"), 24);
            days = row.get("days") == null ? "1234567" : row.get("days").toString();
        }

        private static int hour(Object value, int absent) throws Refused {
            if (value == null) return absent;
            if (value instanceof Number n && n.intValue() >= 0 && n.intValue() <= 24) return n.intValue();
            throw new Refused("prices: " + value + " is no hour of the day");
        }

        Line sharing(Line other) {
            sum = other.sum;
            return this;
        }

        boolean fits(ZonedDateTime local) {
            int hour = local.getHour();
            boolean inside = from <= to ? hour >= from && hour < to : hour >= from || hour < to;
            return inside && days.indexOf('0' + local.getDayOfWeek().getValue()) >= 0;
        }

        void add(BigDecimal kwh) {
            sum.energy = sum.energy.add(kwh);
            sum.hours++;
        }

        BigDecimal cost() {
            return energy.multiply(price);
        }
    }
}
