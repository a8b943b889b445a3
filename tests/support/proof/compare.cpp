#include "tests/support/proof/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "plans/sql/quote.hpp"

namespace pgphase::testing::proof {
namespace {

// PostgreSQL's table of conflicts.
bool conflicts(LockMode held, LockMode wanted) {
  using enum LockMode;
  const auto [weak, strong] = std::minmax(held, wanted);
  switch (strong) {
    case access_exclusive:
      return weak != none;
    case exclusive:
      return weak >= row_share;
    case share_row_exclusive:
      return weak >= row_exclusive;
    case share:
      return weak == row_exclusive || weak == share_update_exclusive;
    case share_update_exclusive:
      return weak == share_update_exclusive;
    default:
      return false;
  }
}

std::string name_of(const RelationEffects& one) {
  return one.described.empty() ? display_name(one.relation) : one.described;
}

class Comparison {
 public:
  Comparison(const std::vector<Case>& cases, Shown shown) : cases_(cases), shows_all_(shown == Shown::all) {}

  std::vector<std::string> operator()() {
    for (const auto& one : cases_) look_at(one);
    for (const auto& [what, came_out] : unknown_) {
      if (came_out.size() > 1) continue;
      const bool beside = what.starts_with("whether every row is read") || what.starts_with("whether an index");
      if (beside && !shows_all_) continue;
      problems_.push_back(fmt::format("the rules call it unknown {}, and in every state the server's answer is {}",
                                      what, *came_out.begin() ? "yes" : "no"));
    }
    for (const auto& [which, matched] : unnamed_) {
      if (!matched && shows_all_)
        problems_.push_back(fmt::format("the rules speak of {}, and no state has one that is touched", which));
    }
    return problems_;
  }

 private:
  void wrong(const Case& one, const std::string& said, const std::string& did) {
    problems_.push_back(fmt::format("in the state \"{}\": the rules say {}; the server {}", one.label, said, did));
  }

  // Where the rules leave it open, the states have to differ.
  bool answer(const Case& one, const std::string& what, Answer said, bool did) {
    if (said == Answer::unknown) {
      unknown_[what].insert(did);
      return true;
    }
    if ((said == Answer::yes) == did) return true;
    wrong(one, fmt::format("\"{}\" to the question {}", to_string(said), what), did ? "says yes" : "says no");
    return false;
  }

  void look_at(const Case& one) {
    if (one.said.opaque) {
      if (one.said.asks.empty()) wrong(one, "that it cannot be looked into, and ask for nothing", "was not needed");
      return;
    }
    for (const auto& entry : one.said.relations) {
      if (!entry.described.empty()) unnamed_.try_emplace(entry.described, false);
    }
    const bool failed = one.seen.fails;
    if (one.seen.refuses_transaction || !failed) {
      answer(one, "whether it may run in a transaction", one.said.in_transaction, !one.seen.refuses_transaction);
    }
    if (one.seen.carried_out || failed) {
      if (!answer(one, "whether the server refuses it", one.said.fails, failed) && failed) {
        problems_.push_back("  " + one.seen.error);
      }
    }
    if (failed) return;
    if (!one.seen.carried_out) {
      if (!one.seen.refuses_transaction) wrong(one, "something", "was not watched");
      unnamed_.clear();
      return;
    }
    for (const auto& [name, seen] : one.seen.relations) lock(one, name, seen);
    for (const auto& entry : one.said.relations) held(one, entry);
    for (const auto& [name, seen] : one.seen.relations) cost(one, name, seen);
    loss(one);
    if (one.said.waits_for_transactions != one.seen.waits_for_transactions && one.seen.refuses_transaction) {
      wrong(one, one.said.waits_for_transactions ? "it waits for transactions" : "it waits for no transaction",
            one.seen.waits_for_transactions ? "waited for one" : "did not wait for any");
    }
    waiting(one);
  }

  // The entry that speaks of the relation: by its name, or as a child of one.
  static const RelationEffects* entry_of(const Case& one, const TableName& name, const Seen& seen) {
    for (const auto& entry : one.said.relations) {
      if (entry.described.empty() && entry.relation == name) return &entry;
    }
    for (const auto& entry : one.said.relations) {
      if (entry.described.empty() && (entry.with_children || entry.with_partitions || entry.children_locked) &&
          seen.above.contains(entry.relation))
        return &entry;
    }
    return nullptr;
  }

  // Indexes are locked with their table by whoever uses it. Only a lock that holds others up is of interest, and only
  // where the table's own does not do so already.
  static bool of_interest(const Case& one, const Seen& seen) {
    if (seen.kind == 'S') return seen.lock > LockMode::row_exclusive;
    if (seen.kind != 'i' && seen.kind != 'I') return true;
    const auto table = one.seen.relations.find(seen.table);
    const bool covered = table != one.seen.relations.end() && table->second.lock == LockMode::access_exclusive;
    return seen.lock >= LockMode::share_update_exclusive && !covered;
  }

  void lock(const Case& one, const TableName& name, const Seen& seen) {
    if (seen.lock == LockMode::none || !of_interest(one, seen)) return;
    const auto* entry = entry_of(one, name, seen);
    if (entry && (entry->own || entry->lock >= seen.lock)) return;
    bool covered = false;
    for (const auto& other : one.said.relations) {
      if (other.described.empty() || other.lock < seen.lock) continue;
      unnamed_[other.described] = true;
      covered = true;
    }
    if (covered) return;
    wrong(one,
          entry ? fmt::format("{} on {}", to_string(entry->lock), display_name(name))
                : fmt::format("nothing of {}", display_name(name)),
          fmt::format("holds {} on it", to_string(seen.lock)));
  }

  void held(const Case& one, const RelationEffects& entry) {
    if (!entry.described.empty() || entry.lock_unsure || entry.own) return;
    const auto found = one.seen.relations.find(entry.relation);
    if (found == one.seen.relations.end() || !of_interest(one, found->second)) return;
    if (found->second.lock == entry.lock) return;
    // Weak locks on what is only used are let go of early by some servers.
    if (found->second.lock > entry.lock) return;  // said already
    wrong(one, fmt::format("{} on {}", to_string(entry.lock), display_name(entry.relation)),
          found->second.lock == LockMode::none ? std::string("does not lock it")
                                               : fmt::format("holds {}", to_string(found->second.lock)));
  }

  void cost(const Case& one, const TableName& name, const Seen& seen) {
    if (seen.kind == 'i' || seen.kind == 'I' || seen.kind == 'S' || seen.kind == 'v' || seen.kind == 'f') return;
    const auto* entry = entry_of(one, name, seen);
    Seen all = seen;
    if (seen.kind == 'p') {
      // It has no rows itself: those of its partitions are meant.
      const bool all_of_it = entry && (entry->with_children || entry->with_partitions);
      for (const auto& [child, part] : one.seen.relations) {
        if (!all_of_it || !part.above.contains(name)) continue;
        all.measurable = all.measurable || part.measurable;
        all.scanned = all.scanned || part.scanned;
        all.rewritten = all.rewritten || part.rewritten;
        all.index_built = all.index_built || part.index_built;
      }
    }
    if (entry && entry->own) return;
    if (!entry) {
      const auto open = [&](Answer RelationEffects::*which) {
        bool found = false;
        for (const auto& other : one.said.relations) {
          if (other.described.empty() || other.*which == Answer::no) continue;
          unnamed_[other.described] = true;
          found = true;
        }
        return found;
      };
      if (all.scanned && !open(&RelationEffects::scan) && !open(&RelationEffects::rewrite))
        wrong(one, "nothing of " + display_name(name), "read every row of it");
      if (all.rewritten && !open(&RelationEffects::rewrite))
        wrong(one, "nothing of " + display_name(name), "wrote every row of it again");
      if (all.index_built && !open(&RelationEffects::index_build))
        wrong(one, "nothing of " + display_name(name), "built an index of it");
      return;
    }
    const bool by_parent = entry->relation != name;
    const auto say = [&](const char* what, Answer said, bool did) {
      // Of a child that only its parent's entry speaks of, the parent's answer is the worst there is.
      if (by_parent && !(did && said == Answer::no)) return;
      answer(one, fmt::format("{} {}", what, display_name(name)), said, did);
    };
    say("whether every row is written again of", entry->rewrite, all.rewritten);
    // Of a partitioned table alone there is nothing to read, and no index to build.
    const bool nothing_itself = seen.kind == 'p' && !entry->with_children && !entry->with_partitions;
    // Where the rows are written again, they are read; by index, at times.
    if (all.rewritten) {
      if (entry->scan == Answer::unknown) say("whether every row is read of", entry->scan, true);
    } else if (all.measurable || nothing_itself) {
      say("whether every row is read of", entry->scan, all.scanned);
    }
    if (!all.rewritten && entry->rewrite != Answer::yes && (seen.kind != 'p' || nothing_itself)) {
      say("whether an index is built of", entry->index_build, all.index_built);
    }
    if (seen.changed && !entry->changes_rows) {
      wrong(one, "no row is changed of " + display_name(name), "changed some");
    }
  }

  void loss(const Case& one) {
    if (one.seen.rows_lost != (one.said.loss == Loss::rows)) {
      wrong(one, one.said.loss == Loss::rows ? "rows or columns are lost" : "no row and no column is lost",
            one.seen.rows_lost ? "lost some" : "kept all");
    }
    if (one.said.loss == Loss::values && !one.seen.values_lost) {
      wrong(one, "values are overwritten", "changed no row");
    }
  }

  bool said_to_block(const Case& one, const TableName& name, LockMode wanted) const {
    const auto found = one.seen.relations.find(name);
    for (const auto& entry : one.said.relations) {
      if (!conflicts(entry.lock, wanted) || entry.own) continue;
      if (!entry.described.empty() || entry.relation == name) return true;
      if (found == one.seen.relations.end()) continue;
      const bool below = entry.with_children || entry.with_partitions || entry.children_locked;
      if (below && found->second.above.contains(entry.relation)) return true;
      // An index of the table, or the table of an index.
      const auto other = one.seen.relations.find(entry.relation);
      if (other != one.seen.relations.end() && other->second.table == name) return true;
      if (found->second.table == entry.relation) return true;
    }
    return false;
  }

  void waiting(const Case& one) {
    for (const Probe& probe : one.seen.probes) {
      const std::string who = fmt::format("{} of {}", probe.what, display_name(probe.table));
      bool must = false;
      bool rows = false;
      for (const auto& entry : one.said.relations) {
        if (entry.relation != probe.table || !entry.described.empty() || entry.lock_unsure || entry.own) continue;
        must = must || (conflicts(entry.lock, probe.wants) && !one.seen.refuses_transaction);
        rows = rows || entry.changes_rows;
      }
      if (must && !probe.waited) wrong(one, who + " waits", "let it through");
      if (!probe.waited) continue;
      if (probe.for_a_row) {
        const auto seen = one.seen.relations.at(probe.table);
        const auto* entry = entry_of(one, probe.table, seen);
        const bool open = std::any_of(one.said.relations.begin(), one.said.relations.end(),
                                      [](const auto& other) { return !other.described.empty() && other.changes_rows; });
        if (!(entry && entry->changes_rows) && !open)
          wrong(one, "no row is locked of " + display_name(probe.table), "locked some");
      } else if (!said_to_block(one, probe.waited_for, probe.wants)) {
        wrong(one, who + " goes on", "made it wait for " + display_name(probe.waited_for));
      }
    }
    behind(one, one.seen.readers, LockMode::access_share, "has read");
    behind(one, one.seen.writers, LockMode::row_exclusive, "has written");
  }

  // An application that has read or written every table, and has not committed.
  void behind(const Case& one, const Behind& seen, LockMode held, const char* did) {
    if (!seen.looked) return;
    const std::string who = fmt::format("an application that {} each table", did);
    if (seen.waited) {
      if (!said_to_block(one, seen.waited_for, held)) {
        wrong(one, "it does not wait for " + who, "waited at " + display_name(seen.waited_for));
      }
      return;
    }
    for (const auto& entry : one.said.relations) {
      const auto found = one.seen.relations.find(entry.relation);
      const bool there = entry.described.empty() && found != one.seen.relations.end() &&
                         (found->second.kind == 'r' || found->second.kind == 'p');
      if (!there || entry.lock_unsure || entry.own || !conflicts(entry.lock, held)) continue;
      wrong(one, fmt::format("it waits at {} for {}", name_of(entry), who), "did not wait");
    }
  }

  const std::vector<Case>& cases_;
  const bool shows_all_;
  std::vector<std::string> problems_;
  std::map<std::string, std::set<bool>> unknown_;
  std::map<std::string, bool> unnamed_;
};

}  // namespace

std::vector<std::string> disagreements(const std::vector<Case>& cases, Shown shown) {
  return Comparison(cases, shown)();
}

std::set<TableName> reach_of(const StatementEffects& said) {
  std::set<TableName> out;
  for (const auto& one : said.relations) {
    if (one.described.empty() && one.kind == RelationKind::table) out.insert(one.relation);
  }
  return out;
}

}  // namespace pgphase::testing::proof
