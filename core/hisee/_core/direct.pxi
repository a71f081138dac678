# Procedures of a script as functions of Python: part of vm.pyx.

cdef extern from *:
    """
    /* A built-in function bound to an object: CPython's cheapest call, no tuple of arguments. */
    static PyObject *direct_method(PyMethodDef *method, const char *name, void *call, const char *doc, PyObject *self)
    {
        *method = (PyMethodDef){name, (PyCFunction)call, METH_FASTCALL, doc};
        return PyCFunction_NewEx(method, self, NULL);
    }
    """
    ctypedef struct PyMethodDef:
        pass
    object direct_method(PyMethodDef *method, const char *name, void *call, const char *doc, object self)

cdef enum:
    MOST_DIRECT = 16         # parameters of a call without the value codec
    DIRECT_SLICE = 1000000   # a script that runs on lets signals of Python in between


class CallFailed(RuntimeError):
    """A procedure that was called ended by an error that nothing in the script caught, or the script was ended: `failure` as of Script."""

    def __init__(self, failure):
        super().__init__(f"{failure.procedure} line {failure.line}: {failure.name}: {failure.text}")
        self.failure = failure


cdef class Direct:
    """A procedure of one script, its types looked at once; the function that Script.function() gives is bound to it."""

    cdef Script script
    cdef const cvm.esl_procedure_t *procedure
    cdef uint32_t index
    cdef bint plain          # parameters of INT, REAL, BOOL only: values go straight into registers
    cdef int only            # the one parameter that comes back; -1: none or several
    cdef int needed          # arguments from the first to the last IN parameter; further ones may be left out
    cdef PyMethodDef method
    cdef bytes name, doc

    def __cinit__(self, Script script not None, uint32_t index):
        cdef const cvm.esl_procedure_t *p = &script.unit.unit.procedure[index]
        self.script, self.index, self.procedure = script, index, p
        back = [i for i in range(p.params) if p.param[i].mode != cvm.ESL_IN]
        self.needed = max([i + 1 for i in range(p.params) if p.param[i].mode == cvm.ESL_IN], default=0)
        self.only = back[0] if len(back) == 1 else -1
        self.plain = p.params <= MOST_DIRECT and all(p.param[i].type in (ESL_T_BOOL, ESL_T_INT, ESL_T_REAL) for i in range(p.params))
        described = script.unit.procedures[index]
        self.name = described.name.encode()
        self.doc = f"{described.name}({', '.join(f'{q.mode} {q.type} {q.name}' for q in described.parameters)})".encode()


cdef bint direct_slot(unsigned type, object value, esl_slot_t *slot) except -1:
    """A value of just the type of its parameter; False: the codec has to look at it."""
    cdef int overflow = 0
    if type == ESL_T_INT:
        if not PyLong_CheckExact(value):
            return False
        slot.i = PyLong_AsLongLongAndOverflow(value, &overflow)
        return overflow == 0 and not esl_int_invalid(slot.i)
    if type == ESL_T_REAL:
        if not PyFloat_CheckExact(value):
            return False
        slot.r = PyFloat_AS_DOUBLE(value)
        return isfinite(slot.r)
    slot.i = 1 if value is True else 0
    return value is True or value is False


cdef object direct_value(unsigned type, esl_slot_t slot):
    cdef unsigned reason = esl_slot_reason(<esl_type>type, slot)
    if reason:
        return Invalid(reason)
    if type == ESL_T_INT:
        return PyLong_FromLongLong(slot.i)
    return PyFloat_FromDouble(slot.r) if type == ESL_T_REAL else slot.i == 1


cdef int direct_run(Script script) except -1:
    """The request to its end. Whatever an action asks of a host fails: there is none."""
    cdef cvm.esl_script_t *s = script.script
    cdef cvm.esl_status_t status = cvm.esl_vm_run(s, DIRECT_SLICE)
    while status == cvm.ESL_SLICE or status == cvm.ESL_ACTION:
        if status == cvm.ESL_ACTION:
            cvm.esl_script_fail(s, ESL_ERR_NOT_SUPPORTED, 0, NULL)
        PyErr_CheckSignals()
        status = cvm.esl_vm_run(s, DIRECT_SLICE)
    script.setting.check()
    if status != cvm.ESL_DONE:
        raise CallFailed(script.failure)
    return 0


cdef object direct_results(Direct self, const esl_slot_t *R):
    cdef const cvm.esl_param_t *param = self.procedure.param
    cdef int i
    if self.only >= 0:
        return direct_value(param[self.only].type, R[param[self.only].reg])
    found = [direct_value(param[i].type, R[param[i].reg]) for i in range(self.procedure.params) if param[i].mode != cvm.ESL_IN]
    return tuple(found) if found else None


cdef object direct_by_codec(Direct self, list values):
    values += [UNCHANGED] * (self.procedure.params - len(values))
    self.script.start(self.index, encode(values))
    direct_run(self.script)
    back = [v for i, v in enumerate(decode(self.script.results())) if self.procedure.param[i].mode != cvm.ESL_IN]
    return back[0] if len(back) == 1 else tuple(back) or None


cdef object direct_call(object bound, PyObject **args, Py_ssize_t count):
    cdef Direct self = <Direct>bound
    cdef cvm.esl_script_t *s = self.script._idle()
    cdef const cvm.esl_procedure_t *p = self.procedure
    cdef esl_slot_t given[MOST_DIRECT]
    cdef bint plain = self.plain
    cdef Py_ssize_t i
    if count < self.needed or count > p.params:
        raise TypeError(f"{self.doc.decode()} takes {self.needed} to {p.params} arguments, {count} were given")
    for i in range(count):
        plain = plain and direct_slot(p.param[i].type, <object>args[i], &given[i])
    if not plain:
        return direct_by_codec(self, [<object>args[i] for i in range(count)])
    if cvm.esl_script_begin(s, self.index):
        raise CallFailed(self.script.failure)
    s.direct = True
    for i in range(count):
        cvm.esl_request_registers(s)[p.param[i].reg] = given[i]
    direct_run(self.script)
    return direct_results(self, cvm.esl_request_registers(s))  # the frame is gone, what stood in it is still there
