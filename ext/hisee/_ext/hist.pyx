"""Latency histogram, compiled. Its twin in plain Python is hisee/_ext/pure_hist.py: same buckets, same answers."""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_WRITABLE
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

cdef extern from *:
    int __builtin_clzll(unsigned long long) noexcept nogil

cdef enum:
    BUCKETS = 3712  # 64 per power of two up to 2^63: an answer is at most 1/64 above the value


cdef Py_ssize_t BUCKET_SHAPE = BUCKETS, BUCKET_STRIDE = sizeof(uint64_t)


cdef inline int bucket(uint64_t value) noexcept nogil:
    cdef int shift
    if value < 128:
        return <int>value
    shift = 57 - __builtin_clzll(value)
    return 64 * shift + <int>(value >> shift)


cdef inline uint64_t top(int index) noexcept nogil:
    """The highest value that falls into the bucket."""
    cdef int shift
    if index < 128:
        return <uint64_t>index
    shift = index // 64 - 1
    return ((<uint64_t>(index - 64 * shift) + 1) << shift) - 1


cdef class Histogram:
    """Counts of whole, not negative numbers (nanoseconds, bytes) in buckets of at most 1/64 width."""

    cdef uint64_t _counts[BUCKETS]
    cdef uint64_t _count
    cdef uint64_t _sum_low, _sum_high
    cdef int64_t _minimum, _maximum

    def __cinit__(self):
        self.reset()

    cpdef reset(self):
        """Forget everything."""
        memset(self._counts, 0, sizeof(self._counts))
        self._count = self._sum_low = self._sum_high = 0
        self._minimum = self._maximum = 0

    cpdef record(self, int64_t value):
        """Count one value; ValueError below 0."""
        if value < 0:
            raise ValueError(f"a histogram counts no negative value ({value})")
        self._add(value)

    def record_many(self, values):
        """Count each value of an iterable."""
        for value in values:
            self.record(value)

    cdef void _add(self, int64_t value) noexcept:
        if self._count == 0 or value < self._minimum:
            self._minimum = value
        if value > self._maximum:
            self._maximum = value
        self._counts[bucket(<uint64_t>value)] += 1
        self._count += 1
        self._sum_low += <uint64_t>value
        if self._sum_low < <uint64_t>value:
            self._sum_high += 1

    @property
    def count(self):
        return self._count

    @property
    def minimum(self):
        return self._minimum

    @property
    def maximum(self):
        return self._maximum

    @property
    def total(self):
        return (int(self._sum_high) << 64) + self._sum_low

    @property
    def mean(self):
        return self.total / self._count if self._count else 0.0

    def percentile(self, double share):
        """The value that `share` (0 to 100) of all values do not exceed, at most 1/64 too high; 0 when empty."""
        cdef uint64_t wanted, seen = 0
        cdef int i
        if not 0 <= share <= 100:
            raise ValueError(f"a percentile lies between 0 and 100, not {share}")
        if self._count == 0:
            return 0
        wanted = max(1, -int(-share * self._count // 100))
        for i in range(BUCKETS):
            seen += self._counts[i]
            if seen >= wanted:
                return max(self._minimum, min(<int64_t>top(i), self._maximum))
        return self._maximum

    def counts(self):
        """Bucket -> count of all that are not empty."""
        cdef int i
        return {i: self._counts[i] for i in range(BUCKETS) if self._counts[i]}

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        """The counts by bucket, to be read only: they go on counting while somebody looks."""
        if flags & PyBUF_WRITABLE == PyBUF_WRITABLE:
            raise BufferError("the counts of a histogram are written by `record` only")
        buffer.buf, buffer.obj, buffer.len, buffer.readonly = self._counts, self, sizeof(self._counts), 1
        buffer.itemsize, buffer.ndim, buffer.shape, buffer.strides = sizeof(uint64_t), 1, &BUCKET_SHAPE, &BUCKET_STRIDE
        buffer.suboffsets, buffer.internal, buffer.format = NULL, NULL, NULL
        if flags & PyBUF_FORMAT:
            buffer.format = b"Q"

    def merge(self, other):
        """Add what another histogram counted."""
        if not other.count:
            return
        for index, count in other.counts().items():
            if not 0 <= index < BUCKETS:
                raise ValueError(f"bucket {index} does not exist")
            self._counts[<int>index] += count
        self._minimum = min(self._minimum, other.minimum) if self._count else other.minimum
        self._maximum = max(self._maximum, other.maximum)
        self._count += other.count
        total = self.total + other.total
        self._sum_low, self._sum_high = total & 0xFFFFFFFFFFFFFFFF, total >> 64
