#include "graph/provenance.h"

namespace rl {

void Provenance::line(const char* label, const Site& site) {
  if (!site) return;
  line(label, host().describe_site(site.code(), site.offset()));
}

void Provenance::fix(const char* form, const Site& site, const std::string& otherwise) {
  std::string told = site ? host().advise(form, site.code(), site.offset()) : "";
  fix(told.empty() ? otherwise : told);
}

void Provenance::line(const char* label, const std::string& text) {
  if (text.empty()) return;
  constexpr size_t kLabelWidth = 14;
  std::string padded = label;
  if (padded.size() < kLabelWidth) padded.resize(kLabelWidth, ' ');
  lines_ += "\n  " + padded + text;
}

}  // namespace rl
