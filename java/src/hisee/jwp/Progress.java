package hisee.jwp;

/** What a running call knows about its task, and how it says how far it is. */
public interface Progress {
    /** Number of the durable task: the same at every attempt. */
    long task();

    /** How far the call is: a share from 0 to 1 and a few words. Notes that follow each other too fast are left out. */
    void report(double share, String text);

    /** True once nobody waits for the result any more: the time was over, or the task was cancelled. */
    boolean isCancelled();
}
