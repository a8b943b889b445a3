#include "plans/catalogue/expectations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "plans/base/hidden_names.hpp"
#include "plans/sql/quote.hpp"
#include "plans/sql/statement.hpp"

namespace pgphase {
namespace {

using Column = std::pair<TableName, std::string>;

// An expression is asked for as a condition: one row has one value, and there PostgreSQL lets no function in that makes
// several, nor one of several rows.
class Walk {
 public:
  void plan(const PhasedPlan& plan) {
    for (const Phase phase : k_phases) {
      for (std::size_t i = 0; i < plan[phase].steps.size(); ++i) {
        if (!certain_) return;
        at_ = {plan.id, phase, i, {}, {}, {}, {}, {}};
        std::visit([this](const auto& body) { step(body); }, plan[phase].steps[i].body);
      }
    }
  }

  std::vector<Expectation> take() { return std::move(found_); }

 private:
  void step(const CreateTableBody& body) {
    expect_free(body.table);
    statement(body.sql);
    changed_tables_.insert(body.table);
  }

  void step(const AddColumnBody& body) {
    table(body.table);
    column_is_new(body.table, body.column);
    if (const auto type = body.type(); !type.empty()) expect(Expected::type, body.table, type);
    if (!body.default_sql.empty()) default_of(body.table, body.type(), body.default_sql);
    changed_.insert({body.table, body.column});
  }

  void step(const LinkColumnsBody& body) {
    table(body.table);
    for (const auto& source : body.sources) column(body.table, source.name);
    for (const auto& target : body.targets) {
      if (!is_new_column_name(target.name)) column_is_new(body.table, target.name);
      if (!target.like.empty()) column(body.table, target.like);
    }
    expect(Expected::links, body.table, "");
    for (const auto& target : body.targets) {
      changed_.insert({body.table, target.name});
      types_[{body.table, target.name}] = target.type;
    }
  }

  void step(const BackfillBody& body) {
    table(body.table);
    if (!body.link_step.empty()) return;  // the step that makes the columns expects it
    for (const auto& one : body.set) column(body.table, one.column);
    const auto from = fmt::format("FROM {} AS {}", qualified(body.table), quote_ident(body.table.name));
    for (const auto& one : body.set) {
      query(body.table, fmt::format("SELECT {} WHERE ROW({}\n) IS NULL", from, one.expression), one.expression);
    }
    if (!body.where.empty()) query(body.table, fmt::format("SELECT {} WHERE ({}\n)", from, body.where), body.where);
  }

  void step(const HandOverBody& body) {
    table(body.table);
    for (const auto& name : body.retire) column(body.table, name);
    for (const auto& one : body.rename) column(body.table, one.from);
    for (const auto& one : body.defaults) {
      if (const auto type = types_.find({body.table, one.column}); type != types_.end()) {
        default_of(body.table, type->second, one.expression);
      }
    }
    tightened_.insert(body.table);
    for (const auto& name : body.retire) changed_.insert({body.table, name});
    for (const auto& one : body.rename) {
      changed_.insert({body.table, one.from});
      changed_.insert({body.table, one.to});
    }
  }

  void step(const RetypeBody& body) {
    table(body.table);
    column(body.table, body.column);
    expect(Expected::type, body.table, body.type);
    if (!body.default_sql.empty()) default_of(body.table, body.type, body.default_sql);
    tightened_.insert(body.table);
    changed_.insert({body.table, body.column});
  }

  void step(const DropNotNullBody& body) {
    table(body.table);
    tightened_.insert(body.table);
    column(body.table, body.column);
    if (body.restore.empty()) return;
    query(body.table,
          fmt::format("SELECT FROM {} AS {} WHERE ROW({}\n) IS NULL", qualified(body.table),
                      quote_ident(body.table.name), body.restore),
          body.restore);
  }

  void step(const KeepOldBody& body) {
    table(body.table);
    for (const auto& name : body.columns) column(body.table, name);
  }

  // The names of its indexes are free from then on, whatever they are.
  void step(const RetireTableBody& body) {
    table(body.table);
    changed_tables_.insert(body.table);
    names_known_ = false;
  }

  void step(const RenameTableBody& body) {
    table(body.table);
    if (body.part == RenameTableBody::Part::view) expect_free(body.renamed());
    changed_tables_.insert(body.renamed());
    if (body.part == RenameTableBody::Part::rename) changed_tables_.insert(body.table);
  }

  void step(const SqlBody& body) {
    // A step of ours looks at the rows first, and then changes constraints of what it locks.
    const bool of_ours = !body.forward.empty() && body.forward.front().kind == StatementKind::require;
    for (const Statement& one : body.forward) {
      if (of_ours) {
        for (const auto& lock : one.locks) table(lock.table);
        ours(one);
        if (one.kind == StatementKind::require) of_the_catalogue(one, body);
      } else {
        by_hand(one);
      }
    }
  }

  // Before the step's own turn, unless something before it may change what the catalogue says of its table.
  void of_the_catalogue(const Statement& look, const SqlBody& body) {
    const auto parsed = parse_statements(look.sql);
    if (!certain_ || !parsed || parsed->size() != 1) return;
    const auto& reads = parsed->front().relations;
    if (!std::all_of(reads.begin(), reads.end(), [](const auto& one) { return one.name.starts_with("pg_"); })) return;
    for (const Statement& one : body.forward) {
      for (const auto& lock : one.locks) {
        if (tightened_.contains(lock.table)) return;
        const auto before = found_.size();
        expect(Expected::none, lock.table, look.sql);
        if (found_.size() > before) found_.back().about = look.unmet;
        return;
      }
    }
  }

  void ours(const Statement& one) {
    if (one.kind == StatementKind::require) {
      const auto parsed = parse_statements(one.sql);
      if (!parsed || parsed->size() != 1) return;
      const auto& tables = parsed->front().relations;
      const bool any_changed = std::any_of(tables.begin(), tables.end(),
                                           [this](const auto& name) { return changed_tables_.contains(name); });
      if (!any_changed) query({}, one.sql, "");
      return;
    }
    if (one.kind == StatementKind::create_index_concurrently) return index(one);
    const auto parsed = parse_statements(one.sql);
    if (!parsed) return;
    for (const auto& statement : *parsed) {
      for (const Action& action : statement.actions) {
        const bool constraint = action.kind == ActionKind::add_check || action.kind == ActionKind::add_foreign_key;
        if (constraint && constraints_known_ && !action.name.empty()) expect(Expected::new_constraint, action.table, action.name);
        if (action.kind == ActionKind::set_not_null) tightened_.insert(action.table);
      }
    }
  }

  void index(const Statement& one) {
    if (one.sql.find("IF NOT EXISTS") == std::string::npos) expect_free(one.index);
    changed_tables_.insert(one.index);
  }

  void by_hand(const Statement& one) {
    if (one.kind == StatementKind::create_index_concurrently) return index(one);
    if (one.kind == StatementKind::drop_index_concurrently) {
      changed_tables_.insert(one.index);
      return;
    }
    if (one.kind == StatementKind::nothing || one.kind == StatementKind::maintenance) return;
    statement(one.sql);
  }

  // Defaults, switches, rights and comments: after them everything is called and typed as before.
  static bool gives_no_names(const ParsedStatement& statement) {
    const auto& tag = statement.effects.tag;
    if (statement.effects.opaque || !statement.actions.empty()) return false;
    return tag == "AlterTableStmt" || tag == "CommentStmt" || tag == "GrantStmt" || tag == "CreateTrigStmt" ||
           tag == "CreatePolicyStmt" || tag == "AlterSeqStmt" || tag == "CreateStatsStmt";
  }

  void statement(const std::string& sql) {
    const auto parsed = parse_statements(sql);
    if (parsed && parsed->size() == 1 && gives_no_names(parsed->front())) return;
    // Without an action it is one that pgphase knows too little about: it may make, rename or move anything.
    const auto moves = [](const Action& one) { return moves_names(one) && one.kind != ActionKind::drop_constraint; };
    if (!parsed || parsed->size() != 1 || parsed->front().actions.empty() ||
        std::any_of(parsed->front().actions.begin(), parsed->front().actions.end(), moves)) {
      certain_ = false;
      return;
    }
    for (const Action& action : parsed->front().actions) {
      switch (action.kind) {
        case ActionKind::create_table:
          changed_tables_.insert(action.table);
          break;
        case ActionKind::drop_table:
        case ActionKind::drop_index:
          names_known_ = false;
          changed_tables_.insert(action.table);
          break;
        case ActionKind::drop_constraint:
          constraints_known_ = false;  // whatever its name was, it is free
          names_known_ = false;        // and so is that of its index
          break;
        case ActionKind::set_not_null:
        case ActionKind::change_type:
          tightened_.insert(action.table);
          break;
        case ActionKind::drop_column:
          tightened_.insert(action.table);
          [[fallthrough]];
        case ActionKind::add_column:
          changed_.insert({action.table, action.name});
          break;
        default:
          break;
      }
    }
  }

  void table(const TableName& name) { expect(Expected::ordinary_table, name, ""); }
  void column(const TableName& name, const std::string& column) {
    if (!changed_.contains({name, column})) expect(Expected::column, name, column);
  }
  void column_is_new(const TableName& name, const std::string& column) {
    if (!changed_.contains({name, column})) expect(Expected::new_column, name, column);
  }
  void expect_free(const TableName& name) {
    if (names_known_) expect(Expected::new_relation, name, "");
  }
  void query(const TableName& name, const std::string& sql, const std::string& about) {
    if (certain_ && !changed_tables_.contains(name)) {
      expect(Expected::query, name, sql);
      found_.back().about = about;
    }
  }

  void default_of(const TableName& name, const std::string& type, const std::string& sql) {
    const auto cast = type.empty() ? std::string() : "::" + type;
    query(name, fmt::format("SELECT WHERE ROW(({}\n){}) IS NULL", sql, cast), sql);
  }

  void expect(Expected what, const TableName& name, const std::string& text) {
    if (!certain_ || changed_tables_.contains(name)) return;
    const bool once = what == Expected::ordinary_table;
    if (once && !seen_.insert({at_.plan, name}).second) return;
    auto one = at_;
    one.what = what;
    one.table = name;
    one.text = text;
    for (const auto& [where, made] : changed_) one.made.push_back(made);
    for (const auto& made : changed_tables_) one.made.push_back(made.name);
    found_.push_back(std::move(one));
  }

  bool certain_ = true, names_known_ = true, constraints_known_ = true;
  Expectation at_;
  std::set<TableName> changed_tables_;  // and indexes: made, given another name, taken away
  std::set<Column> changed_;
  std::set<TableName> tightened_;  // of which a step requires a value, or requires one no more
  std::map<Column, std::string> types_;  // of those that a step makes; empty: not known
  std::set<std::pair<PlanId, TableName>> seen_;
  std::vector<Expectation> found_;
};

}  // namespace

std::vector<Expectation> expectations(const std::vector<const PhasedPlan*>& in_order) {
  Walk walk;
  for (const auto* plan : in_order) walk.plan(*plan);
  return walk.take();
}

}  // namespace pgphase
