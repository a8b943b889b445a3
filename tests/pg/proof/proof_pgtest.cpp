// Every form of statement is carried out on the server of this run, and everything that the rules say of it is looked
// at there: docs/design/effects.md.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "plans/effects/harm.hpp"
#include "plans/effects/rule.hpp"
#include "plans/sql/statement.hpp"
#include "tests/support/proof/compare.hpp"
#include "tests/support/proof/form.hpp"
#include "tests/support/proof/label.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing::proof {
namespace {

bool runs_here(const Form& form) {
  return form.from <= test_server_major() && test_server_major() <= form.until;
}

// The statement after those before it, with what is known.
StatementEffects said_of(const Form& form, Known known) {
  std::string before(form.before);
  for (std::size_t at = 0; (at = before.find(";;", at)) != std::string::npos;) before.erase(at, 1);
  if (!before.empty() && !parse_in_order(before, known)) ADD_FAILURE() << before << ": cannot be parsed";
  const auto parsed = parse_in_order(form.statement, known);
  if (!parsed || parsed->size() != 1) {
    ADD_FAILURE() << form.statement << ": " << (parsed ? "is not one statement" : parsed.error().message);
    return {};
  }
  return parsed->front().effects;
}

// What `check` says of a form has to be what was seen: no harm that it does not find, no error that it makes up.
void compare_harms(const Case& one, const std::string& head) {
  const auto harms = harms_of(one.said);
  const bool found = std::any_of(harms.begin(), harms.end(), [](const Harm& h) { return h.severity > Severity::note; });
  if (const auto harm = harm_seen(one.seen); !harm.empty()) {
    EXPECT_TRUE(found) << head << ", in the state \"" << one.label << "\": " << harm << ", and `check` finds nothing";
  }
  for (const Harm& harm : harms) {
    const bool claims = harm.severity == Severity::error && harm.rule->gravity == Gravity::slow;
    if (!claims || !one.seen.carried_out || one.seen.fails) continue;
    EXPECT_NE(harm_seen(one.seen), "") << head << ", in the state \"" << one.label << "\": `check` says \""
                                       << harm.message << "\", and nothing is seen of it";
  }
}

std::string list(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines) out += "\n  " + line;
  return out;
}

std::string ids(const std::set<std::string_view>& all) {
  std::string out;
  for (const auto id : all) out += (out.empty() ? "" : ", ") + std::string(id);
  return out;
}

// tests/corpus/labels.txt says of each form what servers were seen to do; PGPHASE_LABELS names a file to write it into.
void check_label(const Form& form, const std::string& seen, const std::string& head) {
  if (const char* file = std::getenv("PGPHASE_LABELS")) {
    std::ofstream(file, std::ios::app) << form.name << " | " << seen << '\n';
    return;
  }
  static const auto labels = read_labels();
  const auto found = labels.find(std::string(form.name));
  if (found == labels.end()) {
    ADD_FAILURE() << head << ": tests/corpus/labels.txt has no line for it; it should say: " << form.name << " | "
                  << seen;
  } else {
    // Which of two harms is named first may differ from server to server.
    EXPECT_EQ(found->second == "harmless", seen == "harmless")
        << head << ": labelled \"" << found->second << "\", seen: " << seen;
  }
}

class ProofPgTest : public ::testing::TestWithParam<std::size_t> {};

TEST_P(ProofPgTest, TheServerDoesWhatTheRulesSay) {
  const Form& form = all_forms()[GetParam()];
  if (!runs_here(form)) return;  // the coverage below counts only what runs here
  Known nothing;
  nothing.server = test_server_major();
  const auto offline = said_of(form, nothing);
  std::vector<Case> by_text;
  std::vector<Case> by_catalogue;
  std::set<std::string_view> named;
  for (const State& state : form.states) {
    auto reach = reach_of(offline);
    Observation seen;
    {
      // Which tables to put in its way only the catalogue knows.
      Form refusal = form;
      refusal.outside = false;
      seen = observe(refusal, state, {});
    }
    const auto said = said_of(form, seen.known);
    if (seen.refuses_transaction && form.outside) {
      reach.merge(reach_of(said));
      seen = observe(form, state, reach);
    }
    by_text.push_back({std::string(state.label), offline, seen});
    by_catalogue.push_back({std::string(state.label), said, seen});
    for (const auto& effects : {offline, said}) {
      for (const auto& one : effects.rules) named.insert(one.rule->id);
    }
  }
  const std::string head = "the form \"" + std::string(form.name) + "\", " + std::string(form.statement) +
                           ", on PostgreSQL " + std::to_string(test_server_major());
  if (const auto wrong = disagreements(by_text, form.shown); !wrong.empty()) {
    ADD_FAILURE() << head << ", by its text alone:" << list(wrong);
  }
  if (const auto wrong = disagreements(by_catalogue, form.shown); !wrong.empty()) {
    ADD_FAILURE() << head << ", with the catalogue:" << list(wrong);
  }
  for (const auto& one : by_catalogue) compare_harms(one, head + ", with the catalogue");
  std::string label = "harmless";
  for (const auto& one : by_text) {
    const auto harm = harm_seen(one.seen);
    if (harm.empty()) continue;
    compare_harms(one, head + ", by its text alone");
    if (label == "harmless") label = harm;
  }
  const bool watched =
      std::any_of(by_text.begin(), by_text.end(), [](const Case& one) { return one.seen.carried_out; });
  if (watched) check_label(form, label, head);
  const std::set<std::string_view> expected(form.rules.begin(), form.rules.end());
  EXPECT_EQ(named, expected) << head << ": the rules are " << ids(named) << "; the form names " << ids(expected);
}

std::string test_name(const ::testing::TestParamInfo<std::size_t>& form) {
  std::string out;
  for (const char c : all_forms()[form.param].name) {
    out += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(Forms, ProofPgTest, ::testing::Range<std::size_t>(0, all_forms().size()), test_name);

TEST(ProofCoveragePgTest, EveryRuleIsObserved) {
  std::set<std::string_view> observed;
  for (const Form& form : all_forms()) {
    if (runs_here(form)) observed.insert(form.rules.begin(), form.rules.end());
  }
  for (const Rule& rule : all_rules()) {
    if (rule.since > test_server_major()) continue;
    EXPECT_TRUE(observed.contains(rule.id))
        << "no form that runs on PostgreSQL " << test_server_major() << " shows the rule " << rule.id
        << ": write one in tests/support/proof/forms";
  }
}

TEST(ProofCoveragePgTest, AtLeastAHundredAndFiftyFormsRunOnEveryServer) {
  EXPECT_GE(std::count_if(all_forms().begin(), all_forms().end(), runs_here), 150);
}

}  // namespace
}  // namespace pgphase::testing::proof
