#include "core/available_memory.h"

#include <algorithm>
#include <fstream>
#include <string>

#include "core/control_group.h"

namespace rl {

namespace {

// The number behind a name in a file of lines "name number"; 0 where there is none.
int64_t named(const std::string& file, const std::string& name) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (line.compare(0, name.size(), name) == 0) return std::atoll(line.c_str() + name.size());
  return 0;
}

// The number that a file holds; `otherwise` where there is no file or it says "max".
int64_t number_in(const std::string& file, int64_t otherwise) {
  int64_t value;
  return std::ifstream(file) >> value ? value : otherwise;
}

// What a group of either version leaves. The page cache that nobody has used lately counts as
// usage but goes first.
int64_t left_in(const std::string& folder) {
  int64_t limit = std::min(number_in(folder + "/memory.max", INT64_MAX),
                           number_in(folder + "/memory.high", INT64_MAX));
  limit = std::min(limit, number_in(folder + "/memory.limit_in_bytes", INT64_MAX));
  if (limit > INT64_MAX / 2) return INT64_MAX;
  int64_t usage = number_in(folder + "/memory.current", -1), droppable;
  if (usage >= 0) {
    droppable = named(folder + "/memory.stat", "inactive_file ");
  } else {
    usage = number_in(folder + "/memory.usage_in_bytes", 0);
    droppable = named(folder + "/memory.stat", "total_inactive_file ");
  }
  return std::max<int64_t>(limit - usage + droppable, 0);
}

}  // namespace

int64_t available_memory() {
  int64_t kilobytes = named("/proc/meminfo", "MemAvailable:");
  int64_t least = kilobytes > 0 ? kilobytes * 1024 : INT64_MAX;
  for_each_control_group(
      "memory", [&](const std::string& folder) { least = std::min(least, left_in(folder)); });
  return least;
}

}  // namespace rl
