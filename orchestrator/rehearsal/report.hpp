// What a rehearsal found out: values, for people and for machines. Rendering is pure; any thread.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <vector>

#include "plans/base/names.hpp"

namespace pgphase {

struct Check {
  enum class Outcome {
    passed,
    failed,
    passed_over,  // could not be asked: the plan says that it is irreversible, there is nothing to kill
  };
  std::string what;  // a criterion, as a sentence: "rolled back: the schema is as it was"
  Outcome outcome = Outcome::passed;
  std::vector<std::string> details;  // what differs, or why it was passed over
};

struct StepFigures {
  Phase phase = Phase::additive;
  std::string step;
  double lock_ms = 0;     // the longest time that a strong lock was held, forward
  std::int64_t rows = 0;  // of a backfill
};

struct PhaseFigures {
  Phase phase = Phase::additive;
  double forward_seconds = 0, back_seconds = 0, again_seconds = 0;
  std::int64_t wal_bytes = 0;  // of the whole server while the phase ran
};

// Statements of the writers that failed, whoever's fault that is.
struct FailedFigures {
  Phase phase = Phase::additive;
  std::string sqlstate, example;  // the first message
  std::int64_t count = 0;
};

struct RehearsedPlan {
  PlanId plan;
  std::string description, split_sha256;
  std::vector<Check> checks;  // in the order in which they were made
  std::vector<PhaseFigures> phases;
  std::vector<StepFigures> steps;
  std::vector<FailedFigures> failed_statements;  // when there were writers
  bool stands = true;                            // applied at the end, so that later plans can follow
  std::optional<double> longest_wait_ms;         // of a statement of the writers, when there were any

  bool ok() const;
};

struct Rehearsal {
  std::string source, branch;  // for people: no secret
  std::string server_version;  // "15.14"
  std::string began_at;        // ISO 8601, UTC
  double seconds = 0;
  std::vector<RehearsedPlan> plans;

  bool ok() const;
};

std::string as_text(const Rehearsal& rehearsal, bool colour);
std::string as_markdown(const Rehearsal& rehearsal);
std::string as_html(const Rehearsal& rehearsal);   // one file that needs nothing else
std::string as_junit(const Rehearsal& rehearsal);  // a test suite a plan, a test case a check
boost::json::object as_json(const Rehearsal& rehearsal);

// What the text forms share.
std::string verdict(const Rehearsal& rehearsal);  // "all 24 criteria are met"
std::string title(const RehearsedPlan& plan);
std::vector<std::string> figures(const RehearsedPlan& plan);
const char* name_of(Check::Outcome outcome);  // "passed_over"
std::string in_seconds(double seconds);       // "350 ms", "2.4 s"

}  // namespace pgphase
