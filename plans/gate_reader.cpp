#include <fmt/format.h>

#include "plans/changes/keys.hpp"
#include "plans/plan.hpp"

namespace pgphase {

WrittenGate read_gate(const Table& table, Phase phase, Findings& findings) {
  TableReader reader(table, fmt::format("[gate.{}]", to_string(phase)), findings);
  WrittenGate out;
  out.at = table.at;
  out.approve = reader.boolean("approve");
  out.gate.approve = out.approve.value_or(false);
  if (const auto wait = reader.duration("wait")) {
    out.gate.wait = std::chrono::ceil<std::chrono::seconds>(*wait);
    if (phase == Phase::additive) reader.error("wait", "`wait` counts from the phase before, and additive has none");
  }
  out.gate.check = keys::query(reader, "check");
  if (const auto* words = reader.array("command")) {
    // A list of words and no shell: what would the quoting be?
    out.gate.command = reader.strings("command").value_or(std::vector<std::string>{});
    if (words->empty() || (!out.gate.command.empty() && out.gate.command.front().empty())) {
      reader.error("command", "`command` names no program");
    }
    for (const auto& word : out.gate.command) {
      if (word.find('\0') != std::string::npos) reader.error("command", "`command` holds a NUL byte");
    }
  }
  if (const auto text = reader.string("window")) {
    if (auto window = parse_window(*text))
      out.gate.window = std::move(*window);
    else
      reader.error("window", window.error().message, window.error().next);
  }
  reader.not_built("within", "leave it out: the gate waits as long as it takes; `up --deadline` bounds one run");
  reader.finish();
  return out;
}

}  // namespace pgphase
