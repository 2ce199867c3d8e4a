// The block under an error's first line: which statements of the user's program are involved.
#pragma once

#include <string>

#include "core/site.h"

namespace rl {

class Provenance {
 public:
  // "  saved by      y = torch.exp(x)          train.py:12"; nothing when the Site has no source.
  void line(const char* label, const Site& site);
  void line(const char* label, const std::string& text);
  void fix(const std::string& advice) { fix_ += "\n  fix: " + advice; }
  // The way out in the terms of that very statement (rushlight/_stories.py), else `otherwise`.
  void fix(const char* form, const Site& site, const std::string& otherwise);
  std::string text() const { return lines_ + fix_; }

 private:
  std::string lines_, fix_;
};

}  // namespace rl
