package hisee.jwp;

import java.io.IOException;

/** What arrived is no frame and no MessagePack of this protocol, or a damaged one. {@link #code} is short and stable. */
final class Fault extends IOException {
    private static final long serialVersionUID = 1L;
    final String code;

    Fault(String code, String text) {
        super(text);
        this.code = code;
    }
}
