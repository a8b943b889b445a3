#include "plans/check/check_script.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "plans/base/one_line.hpp"
#include "plans/base/utf8.hpp"
#include "plans/check/fresh_values.hpp"
#include "plans/check/script_rules.hpp"
#include "plans/check/waiver.hpp"
#include "plans/effects/derive.hpp"
#include "plans/sql/quote.hpp"
#include "plans/sql/script.hpp"
#include "plans/sql/search_path.hpp"
#include "plans/sql/statement.hpp"
#include "plans/toml/reader.hpp"
#include "plans/translate/translator.hpp"

namespace pgphase {
namespace {

struct Held {
  LockMode lock = LockMode::none;
  int line = 0;  // of the statement that took it
};

bool has_word_rollback(std::string_view text) {
  constexpr std::string_view k_word = "rollback";
  const auto alike = [](char a, char b) { return (static_cast<unsigned char>(a) | 0x20U) == static_cast<unsigned char>(b); };
  // ABORT is the same.
  constexpr std::string_view k_abort = "abort";
  return std::search(text.begin(), text.end(), k_word.begin(), k_word.end(), alike) != text.end() ||
         std::search(text.begin(), text.end(), k_abort.begin(), k_abort.end(), alike) != text.end();
}

class Checker {
 public:
  Checker(std::string_view text, ScriptOptions options)
      : text_(text),
        lines_(text),
        known_(std::move(options.known)),
        takes_back_(has_word_rollback(text)),
        in_transaction_(options.in_transaction) {
    if (in_transaction_ && takes_back_) known_before_ = known_;
  }

  ScriptReport operator()() {
    const Script script = take_apart(text_);
    for (std::size_t i = 0; i < script.parts.size(); ++i) {
      // A comment on the line where a statement ends is that one's, whatever comes after it.
      waivers_ = waivers_of(script.parts[i].leading, script.parts[i].begin, i > 0);
      const auto next = i + 1 < script.parts.size() ? script.parts[i + 1].begin : text_.size();
      const auto behind = waivers_in(comments_of(text_.substr(part_end(script.parts[i]), line_end(script.parts[i], next))));
      waivers_.insert(waivers_.end(), behind.begin(), behind.end());
      look_at(script.parts[i]);
    }
    waivers_ = waivers_of(std::min(script.trailing, text_.size()), text_.size(), !script.parts.empty());
    std::vector<Harm> none;
    if (!waivers_.empty()) waive({ScriptPart::Kind::statement, text_.size(), text_.size(), text_.size()}, none);
    if (!script.error.empty()) {
      add(Severity::error, script_rule("not-sql"), script.error_at, script.error_at, script.error, {});
    }
    std::stable_sort(out_.findings.begin(), out_.findings.end(),
                     [](const auto& a, const auto& b) { return a.begin < b.begin; });
    return std::move(out_);
  }

 private:
  void add(Severity severity, const Rule& rule, std::size_t from, std::size_t to, std::string message, std::string toml,
           TableName relation = {}) {
    out_.findings.push_back(
        {severity, &rule, lines_.at(from), lines_.at(to), std::move(relation), std::move(message), std::move(toml)});
  }

  // Behind its semicolon.
  std::size_t part_end(const ScriptPart& part) const {
    std::size_t at = part.end;
    while (at < text_.size() && (text_[at] == ' ' || text_[at] == '\t')) ++at;
    return at < text_.size() && text_[at] == ';' ? at + 1 : part.end;
  }

  // How much of the line is left behind it, up to what comes next.
  std::size_t line_end(const ScriptPart& part, std::size_t next) const {
    const auto from = part_end(part);
    const auto end = std::min({text_.find('\n', from), next, text_.size()});
    return end > from ? end - from : 0;
  }

  std::vector<Waiver> waivers_of(std::size_t from, std::size_t to, bool follows_another) const {
    if (follows_another) from = std::min(text_.find('\n', from), to);
    return waivers_in(comments_of(text_.substr(from, to - from)));
  }

  void look_at(const ScriptPart& part) {
    if (part.kind == ScriptPart::Kind::psql_command) {
      const auto& rule = script_rule("psql-command");
      std::vector<Harm> harms{{Severity::warning, &rule, {}, {}, std::string(rule.what), {}, false}};
      waive(part, harms);
      for (auto& harm : harms) add(harm.severity, *harm.rule, part.begin, part.end, std::move(harm.message), {});
      return;
    }
    ++out_.statements;
    const auto sql = text_.substr(part.begin, part.end - part.begin);
    const auto parsed = parse_with(sql, known_);
    if (!parsed) {
      const auto at = part.begin + byte_of(sql, parsed.error().character);
      std::vector<Harm> harms{{Severity::error, &script_rule("not-sql"), {}, {}, parsed.error().message, {}, true}};
      waive(part, harms);
      for (auto& harm : harms) add(harm.severity, *harm.rule, at, part.end, std::move(harm.message), {});
      return;
    }
    std::vector<Harm> harms;
    for (const auto& statement : *parsed) {
      auto found = harms_of(statement.effects);
      if (!found.empty()) found.front().toml = instead_of(statement);
      harms.insert(harms.end(), found.begin(), found.end());
      together(statement, part, harms);
      effects::carry_over(*statement.raw, known_);
      // What is known of public says nothing about another schema's tables of the same name.
      const auto path = tree::search_path_after(*statement.raw);
      if (path != tree::SearchPath::untouched) elsewhere_ = path == tree::SearchPath::elsewhere;
      if (path == tree::SearchPath::elsewhere) known_ = only_the_server(known_);
    }
    waive(part, harms);
    for (auto& harm : harms) {
      add(harm.severity, *harm.rule, part.begin, part.end, std::move(harm.message), std::move(harm.toml),
          elsewhere_ ? TableName{} : harm.relation);
    }
  }

  static Known only_the_server(const Known& known) {
    Known out;
    out.server = known.server;
    return out;
  }

  // As `split` would write it.
  std::string instead_of(const ParsedStatement& statement) {
    translator_.begin_plan();  // each recipe stands by itself
    const auto translated = translator_.statement(*statement.raw);
    std::string out;
    if (!translated.left.empty()) return out;
    if (translated.entries.empty()) return out;
    for (const auto& note : translated.notes) out += "# " + one_line(note) + "\n";
    for (const auto& entry : translated.entries) out += (out.empty() || out.ends_with("\n") ? "" : "\n") + entry;
    return out;
  }

  // --- what the statements do together

  // To a savepoint, too: what was known before the transaction began is true in any case.
  void forget_what_was_taken_back() {
    if (known_before_) known_ = *known_before_;
  }

  void together(const ParsedStatement& statement, const ScriptPart& part, std::vector<Harm>& harms) {
    const auto& effects = statement.effects;
    const int line = lines_.at(part.begin).line;
    switch (effects.session) {
      case SessionStep::begins_transaction:
        in_transaction_ = true;
        timeout_before_ = has_timeout_;
        if (takes_back_) known_before_ = known_;
        return;
      case SessionStep::takes_back_transaction:
        if (in_transaction_) has_timeout_ = timeout_before_;
        forget_what_was_taken_back();
        [[fallthrough]];
      case SessionStep::ends_transaction:
        // Of one that whoever runs the file has begun, too.
        in_transaction_ = false;
        held_.clear();
        fresh_values_.end_transaction();
        if (std::exchange(local_timeout_, false)) has_timeout_ = timeout_before_;
        return;
      case SessionStep::limits_lock_waits:
        has_timeout_ = true;
        return;
      case SessionStep::limits_waits_of_transaction:
        // Outside of one it has no effect.
        if (in_transaction_) has_timeout_ = local_timeout_ = true;
        return;
      case SessionStep::lifts_lock_limit:
        has_timeout_ = false;
        return;
      case SessionStep::none:
        break;
    }
    const auto kind = tree::text(statement.raw->node, "kind");
    if (statement.raw->tag == "TransactionStmt" && kind == "TRANS_STMT_ROLLBACK_TO") forget_what_was_taken_back();
    if (in_transaction_ && effects.in_transaction == Answer::no) {
      const auto& rule = script_rule("not-in-a-transaction");
      harms.push_back({Severity::error, &rule, {}, {}, std::string(rule.what), {}});
    }
    if (in_transaction_) {
      held_meanwhile(statement, harms);
      fresh_value(*statement.raw, harms);
    }
    for (const auto& one : effects.relations) {
      if (one.own || one.kind != RelationKind::table || !one.described.empty()) continue;
      if (!who_waits(one.lock).writes) continue;
      if (!has_timeout_ && !told_of_timeout_) {
        const auto& rule = script_rule("no-lock-timeout");
        harms.push_back({Severity::note,
                         &rule,
                         one.relation,
                         {},
                         fmt::format("{} on {} without a lock_timeout: {}", to_string(one.lock),
                                     display_name(one.relation), rule.what),
                         {}});
        told_of_timeout_ = true;
      }
      auto& held = held_[one.relation];
      if (held.lock < one.lock) held = {one.lock, line};
    }
    if (!in_transaction_) held_.clear();
  }

  void fresh_value(const tree::RawStatement& raw, std::vector<Harm>& harms) {
    if (const auto value = fresh_values_.used_by(raw); !value.empty()) {
      const auto& rule = script_rule("enum-value-at-once");
      harms.push_back({Severity::error, &rule, {}, {}, fmt::format("{}: '{}'", rule.what, value), {}, true});
    }
    fresh_values_.note(raw);
  }

  // Every row is asked for: no condition, no limit.
  static bool reads_all(const tree::RawStatement& raw) {
    return raw.tag == "SelectStmt" && raw.node.contains("fromClause") && !raw.node.contains("whereClause") &&
           !raw.node.contains("limitCount");
  }

  void held_meanwhile(const ParsedStatement& statement, std::vector<Harm>& harms) const {
    if (held_.empty()) return;
    const auto& effects = statement.effects;
    const RelationEffects* slow = nullptr;
    for (const auto& one : effects.relations) {
      const auto cost = std::max({one.scan, one.rewrite, one.index_build});
      // What a query reads may be little; what is read to write it is not.
      const bool reads_only =
          one.lock <= LockMode::row_share && !one.changes_rows && effects.tag != "CreateTableAsStmt" &&
          !reads_all(*statement.raw);
      if (one.own || cost == Answer::no || (reads_only && cost != Answer::yes)) continue;
      if (one.relation.name == "alembic_version") continue;  // it has a row for each head
      if (!slow || cost > std::max({slow->scan, slow->rewrite, slow->index_build})) slow = &one;
    }
    if (!slow) return;
    const auto strongest = std::max_element(held_.begin(), held_.end(),
                                            [](const auto& a, const auto& b) { return a.second.lock < b.second.lock; });
    const auto& table = strongest->first;
    const auto& held = strongest->second;
    // Held up by this statement's own lock already, and told so.
    const bool told = std::any_of(effects.relations.begin(), effects.relations.end(), [&](const auto& one) {
      return one.relation == table && one.described.empty() && one.lock >= held.lock;
    });
    if (told && !harms.empty()) return;
    const bool sure = std::max({slow->scan, slow->rewrite, slow->index_build}) == Answer::yes;
    harms.push_back(
        {sure ? Severity::error : Severity::warning,
         &script_rule("lock-held-meanwhile"),
         table,
         {},
         fmt::format("{} {} {} while this reads or writes the rows of {}: {} was taken in line {}, and is held until "
                     "the transaction ends",
                     who_waits(held.lock).reads ? "readers and writers of" : "writers of", display_name(table),
                     sure ? "wait" : "may wait",
                     slow->described.empty() ? display_name(slow->relation) : slow->described, to_string(held.lock),
                     held.line),
         {}});
  }

  // --- waivers

  void waive(const ScriptPart& part, std::vector<Harm>& harms) {
    for (const auto& waiver : waivers_) {
      for (const auto& id : waiver.rules) {
        if (!find_rule(id)) {
          std::vector<std::string> ids;
          for (const auto rules : {all_rules(), script_rules()}) {
            for (const auto& rule : rules) ids.emplace_back(rule.id);
          }
          const auto meant = nearest(id, ids);
          add(Severity::error, script_rule("waiver-of-no-rule"), part.begin, part.begin,
              fmt::format("the waiver names the rule {}, which does not exist{}", id,
                          meant.empty() ? "" : fmt::format("; {} does", meant)),
              {});
          continue;
        }
        if (waiver.reason.empty()) {
          add(Severity::error, script_rule("waiver-without-reason"), part.begin, part.begin,
              fmt::format("the waiver of {} gives no reason; write -- pgphase:allow {}: why it does no harm here", id,
                          id),
              {});
          continue;
        }
        const auto before = harms.size();
        std::erase_if(harms, [&](const Harm& one) { return one.rule->id == id; });
        out_.waived += before - harms.size();
        if (before == harms.size()) {
          add(Severity::warning, script_rule("waiver-unused"), part.begin, part.begin,
              fmt::format("the waiver of {} is about nothing: the statement does not do it", id), {});
        }
      }
    }
  }

  static std::size_t byte_of(std::string_view sql, std::size_t character) {
    std::size_t at = 0;
    for (; at < sql.size(); ++at) {
      if (continues_utf8(sql[at])) continue;
      if (character == 0) break;
      --character;
    }
    return at;
  }

  std::string_view text_;
  Lines lines_;
  Known known_;
  translate::Translator translator_{known_};
  bool takes_back_;                    // somewhere in it a transaction may be taken back
  std::optional<Known> known_before_;  // the transaction at hand
  bool in_transaction_;
  bool elsewhere_ = false;  // names without a schema are not public's
  bool has_timeout_ = false;
  bool timeout_before_ = false;  // when the transaction began
  bool local_timeout_ = false;   // until it ends
  bool told_of_timeout_ = false;
  std::vector<Waiver> waivers_;  // of the statement at hand
  std::map<TableName, Held> held_;
  FreshValues fresh_values_{known_.server};
  ScriptReport out_;
};

}  // namespace

std::set<TableName> tables_in(std::string_view text) {
  std::set<TableName> out;
  for (const auto& part : take_apart(text).parts) {
    if (part.kind != ScriptPart::Kind::statement) continue;
    const auto parsed = parse_statements(text.substr(part.begin, part.end - part.begin));
    if (!parsed) continue;
    for (const auto& statement : *parsed) out.insert(statement.relations.begin(), statement.relations.end());
  }
  return out;
}

ScriptReport check_script(std::string_view text, ScriptOptions options) {
  return Checker(text, std::move(options))();
}

}  // namespace pgphase
