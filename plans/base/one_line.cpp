#include "plans/base/one_line.hpp"

namespace pgphase {
namespace {

// How many bytes at `at` are one control character: C0 and DEL are one byte, C1 (U+0080 to U+009F) is two.
std::size_t control_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0xffU; };
  if (byte(at) < 0x20 || byte(at) == 0x7f) return 1;
  return byte(at) == 0xc2 && byte(at + 1) >= 0x80 && byte(at + 1) <= 0x9f ? 2 : 0;
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string out;
  bool blank = true;
  for (std::size_t at = 0; at < text.size();) {
    const auto control = control_at(text, at);
    if (control > 0 || text[at] == ' ') {
      if (!blank) out += ' ';
      blank = true;
      at += control > 0 ? control : 1;
    } else {
      out += text[at++];
      blank = false;
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace pgphase
