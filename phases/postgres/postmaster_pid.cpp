#include "phases/postgres/postmaster_pid.hpp"

#include <charconv>
#include <fstream>
#include <sstream>
#include <vector>

namespace pgphase {
namespace {

// Complete lines only: one without its newline may be cut short.
std::vector<std::string_view> complete_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    std::string_view line = text.substr(0, end);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(end + 1);
  }
  return lines;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

}  // namespace

std::optional<PostmasterPid> parse_postmaster_pid(std::string_view text) {
  const auto lines = complete_lines(text);
  if (lines.size() < 3) return std::nullopt;
  const auto pid = number<pid_t>(lines[0]);
  const auto start_time = number<long>(lines[2]);
  // A negative pid is a standalone backend (--single): no server, nothing to connect to or to stop.
  if (!pid || *pid <= 0 || lines[1].empty() || !start_time) return std::nullopt;
  PostmasterPid out;
  out.pid = *pid;
  out.data_folder = lines[1];
  out.start_time = *start_time;
  if (lines.size() > 3) out.port = number<int>(lines[3]).value_or(0);
  if (lines.size() > 4) out.socket_folder = lines[4];
  if (lines.size() > 7) out.status = lines[7];
  return out;
}

std::optional<PostmasterPid> read_postmaster_pid(const std::string& data_folder) {
  std::ifstream in(data_folder + "/postmaster.pid");
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return parse_postmaster_pid(text.str());
}

}  // namespace pgphase
