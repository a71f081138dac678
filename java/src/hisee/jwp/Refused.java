package hisee.jwp;

/** A service refuses the call for good: the task ends not ok, without a further attempt. */
public final class Refused extends Exception {
    private static final long serialVersionUID = 1L;

    public Refused(String text) {
        super(text);
    }
}
