#include "tests/support/proof/label.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "plans/effects/effects.hpp"
#include "plans/sql/quote.hpp"
#include "tests/support/paths.hpp"

namespace pgphase::testing::proof {

std::string harm_seen(const Observation& seen) {
  if (!seen.carried_out || seen.fails) return {};
  for (const auto& [name, one] : seen.relations) {
    const auto waiting = who_waits(one.lock);
    // Whoever plans a query of the table waits for each of its indexes.
    const bool built = std::any_of(seen.relations.begin(), seen.relations.end(),
                                   [](const auto& other) { return other.second.index_built; });
    if (one.kind == 'i' && waiting.reads && built)
      return "readers and writers waited while " + display_name(name) + " was written again";
    if (one.kind != 'r' && one.kind != 'p' && one.kind != 'm') continue;
    const char* meanwhile = one.rewritten     ? "was written again"
                            : one.index_built ? "got an index"
                            : one.scanned     ? "was read"
                                              : nullptr;
    // Nobody writes to a materialized view.
    if ((one.kind == 'm' ? waiting.reads : waiting.writes) && meanwhile) {
      return std::string(waiting.reads ? "readers and writers" : "writers") + " waited while " + display_name(name) +
             " " + meanwhile;
    }
  }
  if (seen.rows_lost) return "rows or columns were gone";
  for (const auto& [name, one] : seen.relations) {
    if (one.changed_most) return "most rows of " + display_name(name) + " were locked";
  }
  if (!seen.unknown_to_old_code.empty()) {
    return "a query of before failed on " + display_name(*seen.unknown_to_old_code.begin());
  }
  if (seen.answer_before != seen.answer_after) {
    return "the application was answered \"" + seen.answer_after + "\" instead of \"" + seen.answer_before + '"';
  }
  return {};
}

std::map<std::string, std::string> read_labels() {
  const auto path = source_folder() / "tests/corpus/labels.txt";
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  std::map<std::string, std::string> out;
  for (std::string line; std::getline(in, line);) {
    const auto bar = line.find(" | ");
    if (line.starts_with("#") || bar == std::string::npos) continue;
    out[line.substr(0, bar)] = line.substr(bar + 3);
  }
  return out;
}

}  // namespace pgphase::testing::proof
