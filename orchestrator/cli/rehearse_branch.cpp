#include "orchestrator/cli/rehearse_branch.hpp"

#include <fmt/format.h>

#include "phases/branch/branch_session.hpp"
#include "phases/branch/same_database.hpp"

namespace pgphase {
namespace {

// What a server copies in about a second; longer, nobody may be kept from connecting without being asked.
constexpr std::int64_t k_most_bytes = 256LL * 1024 * 1024;

constexpr const char* k_url_variable = "PGPHASE_REHEARSE_ON";

// A source that nobody has named, or that cannot be reached, is not the one that can.
Result<void> must_not_be_the_source(Program& program, const ConnInfo& connection) {
  PGPHASE_TRY(disposable, branch_session(connection));
  const auto source = program.connection();
  if (!source) return {};
  auto original = branch_session(*source);
  if (!original) return {};
  PGPHASE_TRY(same, same_database(**original, *disposable));
  if (!same) return {};
  return make_error(Errc::refused,
                    fmt::format("{} is the database of this project, not a branch of it", k_url_variable),
                    "Nothing was changed. Name another database, or leave --branch away and pgphase makes one.");
}

// A database that is not ours is only touched when somebody has said twice that it may be: where it is, and that
// nobody misses it.
Result<std::unique_ptr<Branch>> named_database(Program& program, bool disposable) {
  const auto found = program.environment().find(k_url_variable);
  if (found == program.environment().end() || found->second.empty()) {
    return make_error(Errc::usage,
                      fmt::format("--branch url needs the address of a disposable database in {}", k_url_variable),
                      "An environment variable and no option, because everybody can read a command line.");
  }
  if (!disposable) {
    return make_error(
        Errc::refused, fmt::format("the database in {} was not made by pgphase", k_url_variable),
        "Nothing was changed. If nobody misses it, add --disposable: plans are applied to it, rolled back and applied "
        "again, and it stays as that leaves it.");
  }
  PGPHASE_TRY(connection, parse_conninfo(found->second));
  PGPHASE_CHECK(must_not_be_the_source(program, connection));
  return disposable_database(connection);
}

Result<std::unique_ptr<Branch>> copied(Program& program, const ConnInfo& source, std::optional<int> sample_rows) {
  program.console().say(sample_rows ? "copying a sample into a private server" : "copying into a private server");
  return branch_by_copy(source, sample_rows);
}

}  // namespace

Result<std::unique_ptr<Branch>> make_branch(Program& program, const BranchWishes& wishes, const std::string& beyond) {
  if (wishes.sample_rows && !wishes.kind.empty() && wishes.kind != "copy") {
    return make_error(Errc::usage, fmt::format("--sample-rows copies, and --branch {} does not", wishes.kind));
  }
  if (wishes.kind == "empty") return empty_branch();
  if (wishes.kind == "url") return named_database(program, wishes.disposable);
  PGPHASE_TRY(source, program.connection());
  if (wishes.kind == "copy" || wishes.sample_rows) return copied(program, source, wishes.sample_rows);
  if (!beyond.empty()) {
    const auto what = fmt::format("{} changes what all databases of the server share, the source among them", beyond);
    if (wishes.kind == "template") {
      return make_error(Errc::refused, what, "Nothing was made. `--branch copy` rehearses it on a private server.");
    }
    program.console().warn(what);
    return copied(program, source, {});
  }
  auto branch = branch_by_template(source, wishes.kind.empty() ? std::optional(k_most_bytes) : std::nullopt);
  if (branch || wishes.kind == "template" || branch.error().code != Errc::refused) return branch;
  program.console().warn(branch.error().message);
  return copied(program, source, {});
}

}  // namespace pgphase
