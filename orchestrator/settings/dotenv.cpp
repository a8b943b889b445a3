#include "orchestrator/settings/dotenv.hpp"

#include <algorithm>
#include <cctype>

namespace pgphase {
namespace {

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
  });
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

class Reader {
 public:
  Reader(std::string_view text, const Environment& environment) : rest_(text), environment_(environment) {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
  }

  Environment read() {
    while (!rest_.empty()) {
      read_line();
      rest_.remove_prefix(std::min(rest_.size(), rest_.find('\n')));  // what is left of it: a comment, or nothing
      if (!rest_.empty()) rest_.remove_prefix(1);
    }
    return std::move(found_);
  }

 private:
  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
  }

  void read_line() {
    skip_blanks();
    if (rest_.starts_with("export ") || rest_.starts_with("export\t")) rest_.remove_prefix(7);
    skip_blanks();
    std::string_view name = rest_.substr(0, rest_.find_first_of("=\n"));
    if (name.size() == rest_.size() || rest_[name.size()] != '=') return;
    rest_.remove_prefix(name.size() + 1);
    while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
    skip_blanks();
    const std::string value = read_value();
    if (is_name(name)) found_.insert_or_assign(std::string(name), value);
  }

  std::string read_value() {
    if (rest_.starts_with('\'')) return read_quoted('\'');
    if (rest_.starts_with('"')) return expand(read_quoted('"'));
    std::string_view value = rest_.substr(0, rest_.find('\n'));
    rest_.remove_prefix(value.size());
    // A # begins a comment only after a blank: passwords and URLs hold them too.
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (value[i] == '#' && (i == 0 || is_blank(value[i - 1]))) value = value.substr(0, i);
    }
    while (!value.empty() && is_blank(value.back())) value.remove_suffix(1);
    return expand(value);
  }

  // May span lines. A quote that is not closed takes the rest of the file, as in a shell.
  std::string read_quoted(char quote) {
    std::string value;
    rest_.remove_prefix(1);
    while (!rest_.empty() && rest_.front() != quote) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '\\' && !rest_.empty()) {
        const char next = rest_.front();
        if (next == quote || next == '\\') {
          c = next;
          rest_.remove_prefix(1);
        } else if (quote == '"' && next == 'n') {
          c = '\n';
          rest_.remove_prefix(1);
        }
      }
      value += c;
    }
    if (!rest_.empty()) rest_.remove_prefix(1);
    return value;
  }

  std::string expand(std::string_view text) const {
    std::string out;
    while (true) {
      const std::size_t begin = text.find("${");
      const std::size_t end = begin == std::string_view::npos ? begin : text.find('}', begin);
      out += text.substr(0, end == std::string_view::npos ? text.size() : begin);
      if (end == std::string_view::npos) return out;
      const std::string_view inner = text.substr(begin + 2, end - begin - 2);
      const std::size_t colon = inner.find(":-");
      const std::string_view fallback = colon == std::string_view::npos ? std::string_view{} : inner.substr(colon + 2);
      out += look_up(inner.substr(0, colon), fallback);
      text.remove_prefix(end + 1);
    }
  }

  std::string_view look_up(std::string_view name, std::string_view fallback) const {
    if (const auto at = environment_.find(name); at != environment_.end()) return at->second;
    if (const auto at = found_.find(name); at != found_.end()) return at->second;
    return fallback;
  }

  std::string_view rest_;
  const Environment& environment_;
  Environment found_;
};

}  // namespace

Environment read_dotenv(std::string_view text, const Environment& environment) {
  return Reader(text, environment).read();
}

}  // namespace pgphase
