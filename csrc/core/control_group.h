// The control groups that limit this process.
#pragma once

#include <fstream>
#include <string>

namespace rl {

// Calls visit(folder) for the groups under `controller` and for those around them, of both versions
// of control groups. A folder need not exist, nor have the controller's files.
template <class Visit>
void for_each_control_group(const char* controller, Visit visit) {
  std::ifstream groups("/proc/self/cgroup");  // lines of number:controllers:path
  for (std::string line; std::getline(groups, line);) {
    size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::string controllers = line.substr(first + 1, second - first - 1);
    std::string root = "/sys/fs/cgroup";
    if (!controllers.empty()) {
      if (controllers.find(controller) == std::string::npos) continue;
      root += "/" + controllers;
    }
    // Inside a container the path may be the host's: the root holds the container's own limit.
    for (std::string path = line.substr(second + 1);;) {
      visit(root + path);
      size_t slash = path.rfind('/');
      if (path.empty() || slash == std::string::npos) break;
      path.resize(slash);
    }
  }
}

}  // namespace rl
