#include "tests/demo/terminal.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "tests/support/interrupt.hpp"
#include "tests/support/paths.hpp"

namespace pgphase::demo {
namespace {

using testing::check_interrupted;

constexpr auto k_poll = std::chrono::milliseconds(30);

bool in_bold() {
  return ::isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
}

void print_strong(const std::string& text) {
  print_line(in_bold() ? "\033[1m" + text + "\033[0m" : text);
}

// A demo must not depend on, let alone change, the database that the caller's environment points at.
testing::ProcessOptions options_for(const std::filesystem::path& folder) {
  testing::ProcessOptions out;
  out.folder = folder.string();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const auto name = text.substr(0, text.find('='));
    if (name.starts_with("PG") || name == "DATABASE_URL") out.without_env.push_back(name);
  }
  return out;
}

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> out{testing::pgphase_binary().string()};
  std::string word;
  bool quoted = false;
  for (const char c : line + " ") {
    if (c == '\'') {
      quoted = !quoted;
    } else if (c == ' ' && !quoted) {
      if (!word.empty()) out.push_back(word);
      word.clear();
    } else {
      word += c;
    }
  }
  return out;
}

// The complete lines of `text` after `shown`; at the end also the last one.
void print_lines(const std::string& text, std::size_t& shown, bool at_end) {
  while (shown < text.size()) {
    auto end = text.find('\n', shown);
    if (end == std::string::npos && !at_end) return;
    end = std::min(end, text.size());
    print_line("    " + text.substr(shown, end - shown));
    shown = end + 1;
  }
}

}  // namespace

void print_heading(const std::string& text) {
  print_line();
  print_strong("== " + text);
  print_line();
}

void print_line(const std::string& text) {
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

RunningCommand::RunningCommand(std::string title, std::vector<std::string> args, const testing::ProcessOptions& options)
    : title_(std::move(title)), process_(std::move(args), options) {}

void RunningCommand::show_news() {
  const bool at_end = !process_.running();
  print_lines(process_.err(), err_shown_, at_end);
  print_lines(process_.out(), out_shown_, at_end);
}

void RunningCommand::expect(int exit_code) {
  while (process_.running()) {
    check_interrupted();
    show_news();
    process_.wait(k_poll);
  }
  show_news();
  const int code = process_.wait(k_poll).value_or(-1);
  if (code != exit_code) {
    throw std::runtime_error("`" + title_ + "` exited with " + std::to_string(code) + ", not with " +
                             std::to_string(exit_code));
  }
  if (code != 0) print_line("    (exit code " + std::to_string(code) + ")");
}

Terminal::Terminal(std::filesystem::path folder, std::string name)
    : folder_(std::move(folder)), name_(std::move(name)) {}

void Terminal::type(const std::string& line, int exit_code) const {
  start(line)->expect(exit_code);
}

std::unique_ptr<RunningCommand> Terminal::start(const std::string& line) const {
  const std::string title = "pgphase " + line;
  print_strong((name_.empty() ? "" : name_ + " ") + "$ " + title);
  return std::make_unique<RunningCommand>(title, words_of(line), options_for(folder_));
}

std::string Terminal::ask(const std::string& line) const {
  const auto output = testing::run(words_of(line), options_for(folder_));
  if (output.code != 0) {
    throw std::runtime_error("`pgphase " + line + "` exited with " + std::to_string(output.code) + ": " + output.err);
  }
  return output.out;
}

}  // namespace pgphase::demo
