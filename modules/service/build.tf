locals {
  trestle_folder = "${path.module}/../.."

  # How to build the packages: in a project of its own, by the build.py that belongs to this module.
  build_command = (abspath(var.project) == abspath(local.trestle_folder) ? "python build.py" :
    "python ${abspath(local.trestle_folder)}/build.py --project ${abspath(var.project)}"
  )

  # Names of files and folders that are no sources, as tools/sources.py has them.
  ignored_files_pattern = join("|", [
    "(?i)(?:^|/)(?:[.#][^/]*",
    "[^/]*(?:~|[.](?:bak|crdownload|orig|part|partial|rej|sw[a-p]|te?mp))",
    "__pycache__|thumbs[.]db|desktop[.]ini)(?:/|$)",
  ])

  # What packages are built from, by path, with its digest. The pattern leaves out links to nowhere that editors make, which fileset() fails
  # at.
  inputs = merge(
    { for file in fileset("${local.trestle_folder}/lambda_src", "**/[^.#]*.py") :
      "lambda_src/${file}" => filesha256("${local.trestle_folder}/lambda_src/${file}") if !can(regex(local.ignored_files_pattern, file))
    },
    { for file in setunion(fileset("${var.project}/app", "**/[^.#]*.py"), fileset("${var.project}/app", "requirements.txt")) :
      "app/${file}" => filesha256("${var.project}/app/${file}") if !can(regex(local.ignored_files_pattern, file))
    },
    { for file in fileset(local.trestle_folder, "requirements/authorizer.txt") : file => filesha256("${local.trestle_folder}/${file}") },
    { for file in fileset("${var.project}/schemas", "[^.#]*.json") :
      "schemas/${file}" => filesha256("${var.project}/schemas/${file}") if !can(regex(local.ignored_files_pattern, file))
    },
  )
  built_inputs = try(local.manifest.inputs, {})
  changed_inputs = sort([for file in setunion(keys(local.inputs), keys(local.built_inputs)) :
    file if lookup(local.inputs, file, "") != lookup(local.built_inputs, file, "")
  ])
}

# Stop a plan without packages, with packages of other sources, with faults in schemas, or with settings that Lambda would refuse.
# These are preconditions, since a destroy runs validations as well and needs none of this.
resource "terraform_data" "build" {
  lifecycle {
    precondition {
      condition = data.aws_region.current.id == var.region
      error_message = join(" ", [
        "region is \"${var.region}\", but the AWS provider of this module works in ${data.aws_region.current.id}. Write region =",
        "\"${data.aws_region.current.id}\", or pass a provider of ${var.region}: providers = { aws = aws.NAME }.",
      ])
    }

    precondition {
      condition     = local.manifest != null
      error_message = "Lambda packages are missing: run `${local.build_command}` first."
    }

    # A manifest of an earlier version may lack a package.
    precondition {
      condition = (
        local.manifest == null ||
        length(local.own_code_faults) > 0 ||
        alltrue([for zip in concat(values(local.zips), values(local.own_functions)[*].zip, values(local.authorizer)[*].zip) :
          try(contains(keys(local.manifest.functions), zip), false)
        ])
      )
      error_message = "The Lambda packages are not all there: run `${local.build_command}`."
    }

    # The emulator's account has this number, which no account of AWS has.
    precondition {
      condition     = try(local.manifest.platform, null) != "laptop" || data.aws_caller_identity.current.account_id == "000000000000"
      error_message = "The Lambda packages were built for `local.py up`, with libraries for this machine. Run `${local.build_command}`."
    }

    # On the laptop the libraries are those of .venv.
    precondition {
      condition = (
        local.manifest == null || length(local.faults) > 0 || length(local.authorizer) == 0 ||
        try(local.manifest.authorizer, null) == "lambda" || data.aws_caller_identity.current.account_id == "000000000000"
      )
      error_message = join(" ", [
        "dist/authorizer.zip lacks the libraries that jwt needs in Lambda. Run `${local.build_command} --authorizer`. A var-file that sets",
        "jwt = { ... } in environments/ makes the option unnecessary.",
      ])
    }

    precondition {
      condition     = length(local.faults) == 0
      error_message = join("\n", local.faults)
    }

    precondition {
      condition = local.manifest == null || length(local.faults) > 0 || length(local.changed_inputs) == 0
      error_message = join("", [
        "The Lambda packages are out of date: ${try(local.changed_inputs[0], "")} ",
        length(local.changed_inputs) == 1 ? "differs" : "and ${length(local.changed_inputs) - 1} more differ",
        " from what they were built from. Run `${local.build_command}`."
      ])
    }

    # What the manifest says of app/ holds only once the packages are up to date.
    precondition {
      condition     = local.manifest == null || length(local.changed_inputs) > 0 || length(local.own_code_faults) == 0
      error_message = join("\n", local.own_code_faults)
    }

    precondition {
      condition     = length(local.environment_faults) == 0
      error_message = join("\n", local.environment_faults)
    }

    precondition {
      condition = local.live_file == null || local.live_file_is_valid
      error_message = join(" ", [
        "environments/${var.environment}.live.json does not say which versions are live. Take it from version control again, or delete it:",
        "the newest are live then.",
      ])
    }
  }
}
