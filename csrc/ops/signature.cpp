// The signature language: "split(input: Tensor, split_size_or_sections|split_size: int, dim: int =
// 0)
// -> Tensor[]". A second name of a parameter stands behind "|".
#include <cctype>
#include <cstdlib>
#include <cstring>

#include "core/error.h"
#include "ops/op.h"

namespace rl {

namespace {

struct Reader {
  const char* text;
  const char* at;

  [[noreturn]] void bad(const char* what) const {
    fail(ErrorKind::kAssertion, "signature ", text, ": ", what, " at '", at, "'");
  }
  void space() {
    while (*at == ' ') ++at;
  }
  bool take(char c) {
    space();
    if (*at != c) return false;
    ++at;
    return true;
  }
  std::string word() {
    space();
    const char* start = at;
    while (std::isalnum(static_cast<unsigned char>(*at)) || *at == '_') ++at;
    if (at == start) bad("a name is expected");
    return {start, at};
  }
};

ParamKind read_kind(Reader& r) {
  std::string type = r.word();
  if (type == "Tensor") {
    if (r.take('[')) {
      if (!r.take(']')) r.bad("] is expected");
      return ParamKind::kTensors;
    }
    if (!r.take('|')) return ParamKind::kTensor;
    if (r.word() != "Number") r.bad("Number is expected");
    return ParamKind::kTensorOrNumber;
  }
  if (type == "int") {
    if (r.take('[')) {
      bool any_length = r.take('*');
      if (!r.take(']')) r.bad("] is expected");
      return any_length ? ParamKind::kInts : ParamKind::kDims;
    }
    if (std::strncmp(r.at, "...", 3) == 0) {
      r.at += 3;
      return ParamKind::kVarDims;
    }
    return ParamKind::kInt;
  }
  if (type == "Size") return ParamKind::kSizes;
  if (type == "Number") return ParamKind::kNumber;
  if (type == "float") return ParamKind::kFloat;
  if (type == "bool") return ParamKind::kBool;
  if (type == "dtype") return ParamKind::kDType;
  if (type == "layout") return ParamKind::kLayout;
  if (type == "device") return ParamKind::kDevice;
  if (type == "str") return ParamKind::kString;
  if (type == "Generator") return ParamKind::kGenerator;
  if (type == "any") return ParamKind::kObject;
  r.bad("unknown type");
}

void read_default(Reader& r, Param& p) {
  p.has_default = true;
  r.space();
  const char* start = r.at;
  if (*r.at == '"') {
    const char* end = std::strchr(r.at + 1, '"');
    if (!end) r.bad("a closing quote is expected");
    p.value = Value::of(strndup(r.at + 1, static_cast<size_t>(end - r.at - 1)));
    r.at = end + 1;
  } else if (std::isdigit(static_cast<unsigned char>(*r.at)) || *r.at == '-') {
    char* end;
    double number = std::strtod(r.at, &end);
    bool integral = std::strcspn(r.at, ".e") >= static_cast<size_t>(end - r.at);
    p.value = integral ? Value::of_int(static_cast<int64_t>(number)) : Value::of_double(number);
    r.at = end;
  } else if (r.take('[')) {
    auto* list = new Dims;  // the default lives as long as the process
    while (!r.take(']')) {
      char* end;
      list->push(std::strtol(r.at, &end, 10));
      if (end == r.at) r.bad("a number is expected");
      r.at = end;
      r.take(',');
    }
    p.value = Value::of(*list);
  } else {
    std::string word = r.word();
    if (word == "None") {
      p.nullable = true;
    } else if (word == "True" || word == "False") {
      p.value = Value::of_bool(word == "True");
    } else {
      r.bad("unknown default");
    }
  }
  p.value_text.assign(start, r.at);
}

}  // namespace

Signature parse_signature(const char* text) {
  Reader r{text, text};
  Signature s;
  s.name = r.word();
  if (!r.take('(')) r.bad("( is expected");
  bool keyword_only = false;
  while (!r.take(')')) {
    if (r.take('*')) {
      keyword_only = true;
    } else {
      Param p;
      p.keyword_only = keyword_only;
      do p.names.push_back(r.word());
      while (r.take('|'));
      if (!r.take(':')) r.bad(": is expected");
      p.kind = read_kind(r);
      p.nullable = r.take('?');
      if (r.take('=')) read_default(r, p);
      s.params.push_back(std::move(p));
    }
    if (!r.take(',') && *r.at != ')') r.bad(", is expected");
  }
  r.space();
  if (std::strncmp(r.at, "->", 2) == 0) {
    r.at += 2;
    r.space();
    s.result = r.at;
  }
  check(s.params.size() <= kMaxArgs, ErrorKind::kAssertion, "signature ", text,
        ": too many parameters");
  return s;
}

}  // namespace rl
