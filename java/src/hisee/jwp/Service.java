package hisee.jwp;

import java.util.Map;

/**
 * A service that tasks of the queue {@code java} call by name. Register the class in
 * {@code META-INF/services/hisee.jwp.Service} of a jar in the application's folder {@code services/}.
 *
 * <p>One object serves all calls, several of them at the same time. A call may be repeated after the loss of the process:
 * {@link Progress#task()} is the same each time and serves as key for effects outside.
 */
public interface Service {
    /** The NAME of {@code service.NAME}: letters, digits, {@code _ . -}, at most 64. */
    String name();

    /**
     * Works out one call.
     *
     * @param args values of MessagePack: Map, List, String, byte[], Long (BigInteger from 2^63 on), Double, Boolean, null
     * @return a value of the same kinds; Integer, Float and arrays of double are taken as well
     * @throws Refused when no further attempt can help; anything else thrown means that a later attempt may
     */
    Object call(Map<String, Object> args, Progress progress) throws Exception;
}
