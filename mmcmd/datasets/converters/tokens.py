"""Numbers out of text, in bulk: what Python's ``float`` gives, an order of magnitude sooner."""

import numpy as np

# Digits that a float64 holds exactly, with the point: dividing them by a power of ten rounds once.
_WIDTH = 15
_POWERS = 10.0 ** np.arange(_WIDTH + 1)
_BLOCK = 4096  # tokens at a time: what they need fits a cache, and is not new memory every time


class Tokens:
    """The whitespace-separated tokens of a text.

    Args:
        text (bytes): ASCII text; any byte up to the space separates.
    """

    def __init__(self, text: bytes) -> None:
        self._text = b' ' * _WIDTH + text + b' '  # so that no window leaves the text
        self._bytes = np.frombuffer(self._text, np.uint8)
        solid = self._bytes > ord(' ')
        edges = np.flatnonzero(solid[1:] != solid[:-1])
        edges += 1
        self._starts, self._ends = edges[::2], edges[1::2]
        self._edges = memoryview(edges)  # whose items are Python's integers, which slice sooner

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> bytes:
        return self._text[self._edges[2 * index] : self._edges[2 * index + 1]]

    def count(self, index: int) -> int:
        """Return a token that counts something.

        Args:
            index (int): Which token.

        Raises:
            ValueError: If it is not a number of at most nine digits.
        """
        token = self[index]
        if not token.isdigit() or len(token) > 9:
            raise ValueError(f'expected a count, got {token[:20].decode("ascii", "replace")!r}')
        return int(token)

    def floats(self, indices: np.ndarray) -> np.ndarray:
        """Return tokens as numbers, equal to ``float`` of each.

        Plain decimals such as ``-0.2059419`` are summed up place by place, for all tokens at once;
        the rest (exponents, many digits) is rare and goes through ``float``.

        Args:
            indices (np.ndarray): Which tokens, any shape.

        Returns:
            np.ndarray: float64, of the same shape.

        Raises:
            ValueError: If a token is not a number.
        """
        flat = np.ravel(indices)
        values = np.empty(len(flat))
        for first in range(0, len(flat), _BLOCK):
            block = slice(first, first + _BLOCK)
            values[block] = self._block_of_floats(flat[block])
        return values.reshape(np.shape(indices))

    def _block_of_floats(self, flat: np.ndarray) -> np.ndarray:
        starts, ends = self._starts[flat], self._ends[flat]
        lengths = np.minimum(ends - starts, _WIDTH + 1).astype(np.uint8)

        # One row a decimal place, the last character of every token first.
        places = np.arange(min(int(lengths.max(initial=0)), _WIDTH), dtype=np.uint8)[:, None]
        chars = self._bytes[ends - 1 - places]
        inside = places < lengths
        digits = chars - np.uint8(ord('0'))  # wraps, so that only digits are below 10
        is_digit = (digits < 10) & inside
        is_point = (chars == ord('.')) & inside
        known, points = (mask.sum(axis=0, dtype=np.uint8) for mask in (is_digit, is_point))
        negative = self._bytes[starts] == ord('-')
        plain = (known + points + negative == lengths) & (points <= 1) & (known > 0)
        plain &= lengths <= _WIDTH

        # The point took a place, so the integer part counts ten times too much.
        total = _POWERS[: len(places)] @ (digits * is_digit).astype(np.float64)
        decimals = (places * is_point).sum(axis=0, dtype=np.uint8)
        scale = _POWERS[decimals * plain]
        integer = np.floor(total / (10 * scale)) * points
        values = (total - 9 * scale * integer) / scale
        np.negative(values, out=values, where=negative)
        for rest in np.flatnonzero(~plain):
            values[rest] = self._float(flat[rest])
        return values

    def _float(self, index: int) -> float:
        token = self[index].decode('ascii', 'replace')
        try:
            return float(token)
        except ValueError:
            raise ValueError(f'expected a number, got {token[:20]!r}') from None
