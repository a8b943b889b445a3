#include "orchestrator/cli/console.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <cstdio>
#include <cstdlib>

namespace pgphase {
namespace {

const char* name_of(Errc code) {
  switch (code) {
    case Errc::usage: return "usage";
    case Errc::plan_rejected: return "plan_rejected";
    case Errc::refused: return "refused";
    case Errc::lock_budget: return "lock_budget";
    case Errc::verify_failed: return "verify_failed";
    case Errc::step_failed: return "step_failed";
    case Errc::unreachable: return "unreachable";
    case Errc::session_lost: return "session_lost";
    case Errc::in_doubt: return "in_doubt";
    case Errc::lease_held: return "lease_held";
    case Errc::lease_lost: return "lease_lost";
    case Errc::cancelled: return "cancelled";
    case Errc::sql: return "sql";
    case Errc::bug: return "bug";
  }
  return "bug";
}

}  // namespace

Console::Console(bool json)
    : json_(json),
      colour_(!json && ::isatty(STDOUT_FILENO) && !std::getenv("NO_COLOR")),
      progress_on_terminal_(::isatty(STDERR_FILENO) && !std::getenv("NO_COLOR")) {
  auto logger = std::make_shared<spdlog::logger>("pgphase", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(logger);
}

Console::~Console() { end_progress(); }

void Console::say(const std::string& line) {
  end_progress();
  if (json_) {
    spdlog::info(line);
    return;
  }
  std::fprintf(stdout, "%s\n", line.c_str());
  std::fflush(stdout);  // a pipeline reads while we run
}

void Console::warn(const std::string& line) {
  end_progress();
  spdlog::warn(line);
}

void Console::progress(const std::string& line) {
  if (!progress_on_terminal_) {
    spdlog::info(line);
    return;
  }
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
  std::fflush(stderr);
  progress_shown_ = true;
}

void Console::end_progress() {
  if (!progress_shown_) return;
  std::fprintf(stderr, "\n");
  progress_shown_ = false;
}

void Console::object(const boost::json::object& answer) {
  if (!json_) return;
  std::fprintf(stdout, "%s\n", boost::json::serialize(answer).c_str());
  std::fflush(stdout);
}

ExitCode Console::fail(const Error& error) {
  end_progress();
  const auto exit = exit_code_for(error.code);
  if (json_) {
    object({{"error",
             boost::json::object{{"code", name_of(error.code)},
                                 {"message", error.message},
                                 {"detail", error.detail},
                                 {"sqlstate", error.sqlstate},
                                 {"statement", error.statement},
                                 {"next", error.next}}},
            {"exit", static_cast<int>(exit)}});
  }
  std::fprintf(stderr, "pgphase: %s\n", error.text().c_str());
  return exit;
}

}  // namespace pgphase
