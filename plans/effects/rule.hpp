// The rules: what pgphase knows of statements, each with its id, which never changes, its page under docs/rules, and
// what to do instead. Constant data; any thread.
#pragma once

#include <span>
#include <string_view>

namespace pgphase {

// The worst that a statement can do to which the rule applies. How bad it is this time, its effects say.
enum class Gravity {
  brief,   // nobody is held up for longer than it takes to write the catalogue
  slow,    // somebody waits for as long as rows are read or written, or an index is built
  breaks,  // code that runs now fails, or sees something else, from then on
  spoils,  // what is written from then on is wrong, or refused, whatever code writes it
  loses,   // rows, values or definitions are gone
  opaque,  // nobody knows
};

struct Rule {
  std::string_view id;          // "add-column-volatile-default"
  std::string_view family;      // docs/rules/FAMILY.md
  Gravity gravity = Gravity::brief;
  std::string_view what;        // what happens, a sentence without its full stop
  std::string_view recipe;      // what to do instead; empty: it is all right as it is, with a short lock timeout
  std::string_view change{};    // the change of docs/changes that does it, or empty
  std::string_view versions{};  // how servers differ, or empty
  int since = 0;                // the first server on which it can be seen; 0: all
};

std::span<const Rule> all_rules();
const Rule& rule(std::string_view id);  // throws std::logic_error when there is none: a bug of ours

// Destroys what it does not look at: each row of a table, each value of a column, or what it does not even name. As a
// rollback by hand it is refused without --lose-data where there is something to lose.
bool takes_all(const Rule& rule);

}  // namespace pgphase
