/* Any CPython, by the public interface only: makes frame objects, which costs some 30 ns more. */
#include <Python.h>

#include "python/frame.h"

PyObject* rl_user_frame(const RlPointerSet* skip, int* offset) {
  PyFrameObject* frame = (PyFrameObject*)Py_XNewRef((PyObject*)PyEval_GetFrame());
  while (frame) {
    PyObject* globals = PyFrame_GetGlobals(frame);
    int ours = rl_in_set(skip, globals);
    Py_XDECREF(globals);
    if (!ours) {
      PyObject* code = (PyObject*)PyFrame_GetCode(frame);
      *offset = PyFrame_GetLasti(frame);
      Py_DECREF(frame);
      return code;
    }
    PyFrameObject* back = PyFrame_GetBack(frame);
    Py_DECREF(frame);
    frame = back;
  }
  return NULL;
}
