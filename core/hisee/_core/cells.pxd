cimport hisee._core.cvalues as c


cdef class CellTable:
    cdef c.esl_cells_t *table
