#include "tests/bench/pgphase.hpp"

#include <fmt/format.h>

#include <fstream>

#include "tests/support/interrupt.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/process.hpp"

namespace pgphase::bench {
namespace {

using std::chrono::steady_clock;

constexpr const char* k_plan = "001_bench";
constexpr const char* k_step = "fill";
constexpr auto k_poll = milliseconds(10);
constexpr std::size_t k_shown = 2000;  // characters of what a failed command has said last

// Nothing of the caller's environment may change what is measured, or which database it is done to.
testing::ProcessOptions options_in(const testing::TempDir& folder) {
  testing::ProcessOptions out;
  out.folder = folder.path().string();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const auto name = text.substr(0, text.find('='));
    if (name.starts_with("PG") || name == "DATABASE_URL") out.without_env.push_back(name);
  }
  return out;
}

// Grows only; 0 where the process has ended.
std::int64_t peak_memory(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) * 1024;
  }
  return 0;
}

std::string last_of(const std::string& text) {
  return text.size() <= k_shown ? text : "…" + text.substr(text.size() - k_shown);
}

}  // namespace

struct Pgphase::Ended {
  PgphaseRun run;
  int code = 0;
  std::string said;
};

std::string plan_text(const PgphaseOptions& options) {
  std::string out = "format      = 1\ndescription = \"What a bench fills\"\n";
  if (options.in_step) {
    out +=
        "\n[[change]]\nop     = \"add_column\"\ntable  = \"accounts\"\ncolumn = \"email_norm\"\ntype   = \"text\"\n"
        "fill   = \"lower(email)\"\ndown   = \"email_norm\"\n";
    return out;
  }
  if (options.old_values == OldValues::none_there) {
    out += "\n[[change]]\nop     = \"add_column\"\ntable  = \"accounts\"\ncolumn = \"email_norm\"\ntype   = \"text\"\n";
  }
  out += fmt::format(
      "\n[[backfill]]\nname  = \"{}\"\ntable = \"accounts\"\nset   = {{ email_norm = \"lower(email)\" }}\n", k_step);
  if (options.old_values == OldValues::given_up) out += "irreversible = \"a bench needs no way back\"\n";
  if (options.workers > 1) out += fmt::format("workers = {}\n", options.workers);
  return out;
}

Pgphase::Pgphase(const std::string& url, const PgphaseOptions& options) {
  project_.write("pgphase.toml", fmt::format("database = \"{}\"\n{}", url, options.settings));
  project_.write(fmt::format("migrations/{}.toml", k_plan), plan_text(options));
}

void Pgphase::prepare() const {
  const auto ended = run({"up", "--through", "additive"}, k_look);
  if (ended.code == 0) return;
  if (ended.said.find("not built yet") != std::string::npos) throw NotBuilt(last_of(ended.said));
  throw std::runtime_error(fmt::format("pgphase exited with {}:\n{}", ended.code, last_of(ended.said)));
}

PgphaseRun Pgphase::fill(Table& table) const {
  // The change that is kept in step has a constraint phase, which is somebody's to approve.
  const auto ended = run({"up", "--through", "backfill"}, limit_for(table.shape().rows));
  if (ended.code != 0) {
    throw std::runtime_error(fmt::format("pgphase exited with {}:\n{}", ended.code, last_of(ended.said)));
  }
  check_ledger(table);
  return ended.run;
}

Pgphase::Ended Pgphase::run(std::vector<std::string> args, milliseconds limit) const {
  args.insert(args.begin(), testing::pgphase_binary().string());
  Ended out;
  const auto begin = steady_clock::now();
  testing::Process process(std::move(args), options_in(project_));
  while (!process.wait(k_poll)) {
    out.run.peak_memory_bytes = std::max(out.run.peak_memory_bytes, peak_memory(process.pid()));
    testing::check_interrupted();
    if (steady_clock::now() - begin > limit) {
      throw std::runtime_error(fmt::format("pgphase was not done after {} s:\n{}", limit.count() / 1000,
                                           last_of(process.out() + process.err())));
    }
  }
  out.run.seconds = std::chrono::duration<double>(steady_clock::now() - begin).count();
  out.code = process.wait(k_poll).value_or(-1);
  out.said = process.out() + process.err();
  return out;
}

void Pgphase::check_ledger(Table& table) const {
  const auto counted = table.session().value(
      fmt::format("SELECT sum(rows) FROM pgphase.step WHERE plan = '{}' AND phase = 'backfill'", k_plan));
  if (counted == std::to_string(table.shape().rows)) return;
  throw std::runtime_error(
      fmt::format("WRONG COUNT: the ledger says that {} rows were set, of {}", counted, table.shape().rows));
}

std::string pgphase_version() {
  auto text = testing::run({testing::pgphase_binary().string(), "--version"}, {}, k_look).out;
  text.erase(text.find_last_not_of(" \n") + 1);
  return text;
}

}  // namespace pgphase::bench
