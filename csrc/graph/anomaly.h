// Anomaly mode: set by csrc/python/anomaly.cpp, which does what it asks for.
#pragma once

namespace rl {

struct AnomalyMode {
  bool enabled = false;
  bool check_nan = true;
};
inline AnomalyMode anomaly_mode;

}  // namespace rl
