"""A browser that cannot draw in 3-D, and is all the faster."""

NO_WEBGL = """const { getContext } = HTMLCanvasElement.prototype;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
    return kind.startsWith("webgl") ? null : getContext.call(this, kind, ...rest);
};"""
"""Said to a page before its own scripts."""
