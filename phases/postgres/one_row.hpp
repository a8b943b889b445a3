// Values that are computed for one row at a time, as SQL that PostgreSQL can be asked about without computing any. Pure;
// any thread.
#pragma once

#include <string>

namespace pgphase {

// Asked for as a condition, because there PostgreSQL lets no function in that makes several values of a row, nor one
// over several rows. Its words are about that question.
inline std::string about_one_row(std::string message) {
  if (const auto at = message.find(" are not allowed in WHERE"); at != std::string::npos) {
    message.replace(at, std::string::npos, " are not allowed where one value is computed for each row");
  }
  return message;
}

}  // namespace pgphase
