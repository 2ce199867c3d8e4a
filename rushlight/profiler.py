"""Profiles of a training loop, step by step, as ``torch.profiler``."""

import enum
import functools
import os
import warnings

from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr
from rushlight.autograd import profiler as _autograd
from rushlight.autograd.profiler import record_function
from rushlight.autograd.profiler_util import DeviceType

__all__ = [
    "DeviceType",
    "ProfilerAction",
    "ProfilerActivity",
    "profile",
    "record_function",
    "schedule",
    "supported_activities",
    "tensorboard_trace_handler",
]

_C._add_package_globals(globals())


class ProfilerActivity(enum.Enum):
    """What can be watched. Here that is the CPU."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3
    HPU = 4
    PrivateUse1 = 5


class ProfilerAction(enum.Enum):
    """What a schedule asks for in a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


_RECORDED = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)


def supported_activities():
    """Return the set of activities that can be watched: the CPU."""
    return {ProfilerActivity.CPU}


def schedule(*, wait, warmup, active, repeat=0, skip_first=0, skip_first_wait=0):
    """Return a schedule for ``profile``: a function from the step's number to a ProfilerAction.

    After skip_first steps come cycles of wait steps without recording, warmup steps whose events
    are dropped and active steps that are recorded; the last of them ends the cycle. repeat: so many
    cycles, 0 for as many as there are. skip_first_wait: not 0 lets the first cycle begin without
    its wait.
    Raises: AssertionError for negative numbers and for no active step.
    """
    if wait < 0 or warmup < 0 or active <= 0 or repeat < 0 or skip_first < 0:
        raise AssertionError(
            f"Invalid profiler schedule arguments. Got wait={wait} (need >= 0), warmup={warmup} "
            f"(need >= 0), active={active} (need > 0), repeat={repeat} (need >= 0), "
            f"skip_first={skip_first} (need >= 0)."
        )
    if warmup == 0:
        warnings.warn(
            "Profiler won't be using warmup, this can skew profiler results", stacklevel=2
        )

    def action(step):
        if step < 0:
            raise AssertionError(f"Step must be non-negative. Got {step}.")
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        if skip_first_wait != 0:
            step += wait
        cycle = wait + warmup + active
        at = step % cycle
        if (repeat > 0 and step // cycle >= repeat) or at < wait:
            return ProfilerAction.NONE
        if at < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if at < cycle - 1 else ProfilerAction.RECORD_AND_SAVE

    return action


def tensorboard_trace_handler(dir_name, worker_name=None, use_gzip=False):
    """Return an on_trace_ready for ``profile`` that writes each cycle's trace into a folder.

    dir_name: made where it is missing. worker_name: begins the file's name; None for host and
    process. use_gzip: compress the file.
    Raises, when called: RuntimeError where the folder cannot be made.
    """

    def handler(prof):
        import socket
        import time

        try:
            os.makedirs(dir_name, exist_ok=True)
        except OSError as error:
            raise RuntimeError("Can't create directory: " + dir_name) from error
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        ending = ".pt.trace.json" + (".gz" if use_gzip else "")
        prof.export_chrome_trace(os.path.join(dir_name, f"{worker}.{time.time_ns()}{ending}"))

    return handler


def _checked_activities(activities):
    wanted = supported_activities() if activities is None else list(activities)
    if not wanted:
        raise AssertionError("No valid profiler activities found")
    for activity in wanted:
        if not isinstance(activity, ProfilerActivity):
            raise TypeError(
                f"Expected ProfilerActivity or dict, got {type(activity)}"
                "\n  fix: pass activities=[ProfilerActivity.CPU]."
            )
        if activity is not ProfilerActivity.CPU:
            raise NotImplementedError(
                f"profile(): {activity} is not supported: the CPU is the only device."
            )


class profile:
    """Record a training loop, all of it or the steps that a schedule names.

    activities: None or ``[ProfilerActivity.CPU]``. schedule: a function from the step's number to
        a ProfilerAction, as ``schedule`` makes one; None records everything. on_trace_ready: called
        with this object at the end of each cycle. acc_events: keep the events of earlier cycles.
        The other options are those of ``autograd.profiler.profile``.
    Call ``step()`` at the end of each step of the loop.
    Raises: NotImplementedError for devices and options that there are not.
    """

    def __init__(
        self,
        *,
        activities=None,
        schedule=None,
        on_trace_ready=None,
        record_shapes=False,
        profile_memory=False,
        with_stack=False,
        with_flops=False,
        with_modules=False,
        experimental_config=None,
        execution_trace_observer=None,
        acc_events=False,
        use_cuda=None,
        custom_trace_id_callback=None,
        post_processing_timeout_s=None,
    ):
        if use_cuda is not None:
            warnings.warn(
                "`use_cuda` is deprecated, use `activities` argument instead",
                FutureWarning,
                stacklevel=2,
            )
        _checked_activities(activities)
        if execution_trace_observer is not None:
            raise NotImplementedError("profile(): execution_trace_observer is not supported.")
        self._make = functools.partial(
            _autograd.profile,
            use_cuda=bool(use_cuda),
            record_shapes=record_shapes,
            profile_memory=profile_memory,
            with_stack=with_stack,
            with_flops=with_flops,
            with_modules=with_modules,
            experimental_config=experimental_config,
            acc_events=acc_events,
            custom_trace_id_callback=custom_trace_id_callback,
            post_processing_timeout_s=post_processing_timeout_s,
        )
        self._make()  # raises for options that there are not
        self.acc_events = acc_events
        self.on_trace_ready = on_trace_ready
        self.schedule = schedule or (lambda step: ProfilerAction.RECORD)
        self.record_steps = schedule is not None
        self.step_num = 0
        self.current_action = self.schedule(0)
        self.profiler = None
        self._step_label = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, exc_type, exc_val, exc_tb):
        self.stop()

    def start(self):
        """Begin with the current step; ``with`` does it."""
        self._change(ProfilerAction.NONE, self.current_action)
        self._begin_step()

    def stop(self):
        """End, and tell on_trace_ready of a cycle that was being recorded; ``with`` does it."""
        self._end_step()
        if self.profiler is None and self.current_action in _RECORDED:
            raise AssertionError(
                "Profiler must be initialized before stopping trace\n"
                "  fix: start() it first, or use it in a with block."
            )
        self._change(self.current_action, None)

    def step(self):
        """Say that the next step of the loop begins."""
        self._end_step()
        action = self.schedule(self.step_num + 1)
        before, self.current_action = self.current_action, action
        self.step_num += 1
        self._change(before, action)
        self._begin_step()

    def _begin_step(self):
        if self.record_steps:
            self._step_label = record_function(f"ProfilerStep#{self.step_num}")
            self._step_label.__enter__()

    def _end_step(self):
        if self._step_label is not None:
            label, self._step_label = self._step_label, None
            label.__exit__(None, None, None)

    def _change(self, before, action):
        """What lies between two steps: the end of a recording, the beginning of one, or nothing."""
        ends = before is ProfilerAction.RECORD_AND_SAVE or action is None
        if before in _RECORDED and (ends or action not in _RECORDED):
            self.profiler.__exit__(None, None, None)
            if ends:
                self._tell()
            else:
                warnings.warn(f"Incorrect schedule: RECORD followed by {action.name}", stacklevel=3)
        elif before is ProfilerAction.WARMUP and action is ProfilerAction.NONE:
            warnings.warn("Incorrect schedule: WARMUP followed by NONE", stacklevel=3)
        if action in _RECORDED and (before not in _RECORDED or ends):
            if self.profiler is None or not self.acc_events:
                self.profiler = self._make()
            self.profiler._start()

    def _tell(self):
        if self.on_trace_ready:
            self.on_trace_ready(self)

    def _recorded(self, use):
        if self.profiler is None:
            raise AssertionError(f"Profiler must be initialized before {use}")
        return self.profiler

    def events(self):
        """Return the EventList of the last cycle, of all with acc_events.

        Raises: AssertionError before the first.
        """
        return self._recorded("accessing events").function_events

    def key_averages(
        self, group_by_input_shape=False, group_by_stack_n=0, group_by_overload_name=False
    ):
        """Return one FunctionEventAvg per name, as ``EventList.key_averages``."""
        return self._recorded("getting key averages").key_averages(
            group_by_input_shape, group_by_stack_n, group_by_overload_name
        )

    def by_line(self):
        """Return the forward and backward time of each source line, a LineTable."""
        return self._recorded("looking at lines").by_line()

    def export_chrome_trace(self, path):
        """Write the trace of the last cycle as JSON; compressed where the path ends in ".gz"."""
        events = self._recorded("exporting chrome trace").function_events
        events.export_chrome_trace(path)

    def export_stacks(self, path, metric="self_cpu_time_total"):
        """Write the stacks with a metric, as ``EventList.export_stacks``."""
        self._recorded("exporting stacks").export_stacks(path, metric)


def __getattr__(name):
    raise _module_getattr(__name__, name)
