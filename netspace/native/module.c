/* Makes the library a Python module without anything in it, where Python's headers are: ctypes finds its functions by name,
   but whoever imports all there is would stumble over a file that cannot be imported. */

#if __has_include(<Python.h>)
#include <Python.h>

static struct PyModuleDef library = {PyModuleDef_HEAD_INIT, .m_name = "_library"};

PyMODINIT_FUNC PyInit__library(void) { return PyModuleDef_Init(&library); }
#else
typedef int headers_are_missing;
#endif
