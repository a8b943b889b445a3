#include "tests/e2e/failpoint_names.hpp"

#include <filesystem>
#include <regex>

#include "tests/support/paths.hpp"
#include "tests/support/temp_dir.hpp"

namespace pgphase::testing {
namespace {

namespace fs = std::filesystem;

struct Call {
  const char* text;
  std::vector<const char*> suffixes;  // of the points that its label stands for
};

// What takes a label, here or further down.
const std::vector<Call> k_calls{
    {"Transaction::begin(", {".before_commit", ".after_commit"}},
    {"begin_fenced(", {".before_commit", ".after_commit"}},
    {"begin_fenced_asking(", {".before_commit", ".after_commit"}},
    {"begin_batch(", {".before_commit", ".after_commit"}},
    {"write_ledger(", {".before_commit", ".after_commit"}},
    {".label = ", {".before_commit", ".after_commit"}},
    {"run_unhurried(", {".before", ".after"}},
};

// Up to the end of the statement, or to where a function's body begins.
std::string statement_at(const std::string& source, std::size_t at) {
  return source.substr(at, source.find_first_of(";{", at) - at);
}

std::vector<std::string> labels_in(const std::string& statement) {
  static const std::regex label("\"([a-z]+(?:[._][a-z]+)*)\"");
  std::vector<std::string> out;
  for (std::sregex_iterator it(statement.begin(), statement.end(), label), end; it != end; ++it)
    out.push_back((*it)[1]);
  return out;
}

void read_calls(const std::string& file, const std::string& source, FailpointsInSources& out) {
  for (const auto& [text, suffixes] : k_calls) {
    const std::string call = text;
    for (auto at = source.find(call); at != std::string::npos; at = source.find(call, at + 1)) {
      const auto arguments = statement_at(source, at + call.size());
      auto labels = labels_in(arguments);
      // A function that hands on the label it was given.
      if (labels.empty() && arguments.find("label") != std::string::npos) continue;
      if (labels.empty()) out.unreadable.push_back(file + ": " + call + arguments);
      if (call != ".label = " && labels.size() > 1) labels.resize(1);
      for (const auto& label : labels) {
        if (transactions_that_never_commit().contains(label)) continue;
        for (const char* suffix : suffixes) out.names.insert(label + suffix);
      }
    }
  }
}

void read_failpoints(const std::string& file, const std::string& source, FailpointsInSources& out) {
  static const std::regex call("\\bfailpoint\\(([^;]*)\\);"), literals("\"([a-z._]+)\", \"([a-z_]+)\"");
  for (std::sregex_iterator it(source.begin(), source.end(), call), end; it != end; ++it) {
    const std::string arguments = (*it)[1];
    std::smatch found;
    if (std::regex_match(arguments, found, literals)) {
      out.names.insert(found[1].str() + "." + found[2].str());
    } else if (arguments.find("label") == std::string::npos) {
      out.unreadable.push_back(file + ": failpoint(" + arguments + ")");
    }
  }
}

}  // namespace

const std::set<std::string>& transactions_that_never_commit() {
  static const std::set<std::string> labels{
      "ledger.read",         // one snapshot of all tables
      "catalogue.snapshot",  // reads only
      "table.size",          // bounded by a lock timeout
      "columns.compare",     // whether two names hold one value
      "sync.newcomers",      // reads partitions that came meanwhile
      "gate.check",          // the author's query, read only
      "step.verify",         // the same
      "backfill.check",      // whether any row is left
      "backfill.bad_row",    // a failed batch looked at again
      "backfill.harvest",    // which rows an index finds
      "throttle.probe",      // a look at how fast the server is, which may only read
      "throttle.query",      // the same for a number
      "rehearsal.hold",      // keeps a row of a branch until it is let go
      "rehearsal.write",     // on a branch, which a kill ends as a whole
  };
  return labels;
}

FailpointsInSources failpoints_in_sources() {
  FailpointsInSources out;
  for (const char* room : {"phases", "orchestrator"}) {
    for (const auto& entry : fs::recursive_directory_iterator(source_folder() / room)) {
      if (entry.path().extension() != ".cpp" || entry.path().filename() == "failpoint.cpp") continue;
      const auto source = read_file(entry.path());
      const auto file = fs::relative(entry.path(), source_folder()).string();
      read_calls(file, source, out);
      read_failpoints(file, source, out);
    }
  }
  return out;
}

}  // namespace pgphase::testing
