// Daemon threads at the end of the process. CPython before 3.14 ends a thread that asks for the GIL
// too late with pthread_exit(), which unwinds its stack: through the frames of a hook's callers,
// whose destructors would touch objects without the GIL, and whose noexcept ends the process. Such
// a thread sleeps here instead, as it does under later versions, until the process is gone.
#include <unistd.h>
#include <unwind.h>

extern "C" {

_Unwind_Reason_Code __real___gxx_personality_v0(int, _Unwind_Action, _Unwind_Exception_Class,
                                                _Unwind_Exception*, _Unwind_Context*);

// What the unwinder asks at each of our frames; the linker puts it in the runtime's place.
__attribute__((used)) _Unwind_Reason_Code __wrap___gxx_personality_v0(int version,
                                                                      _Unwind_Action actions,
                                                                      _Unwind_Exception_Class type,
                                                                      _Unwind_Exception* object,
                                                                      _Unwind_Context* context) {
  if (actions & _UA_FORCE_UNWIND)
    for (;;) pause();
  return __real___gxx_personality_v0(version, actions, type, object, context);
}
}
