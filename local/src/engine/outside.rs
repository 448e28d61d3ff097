//! Resources that belong to no stack: retained resources, and resources that a caller has created with S3 or SSM.

use serde_json::{Map, Value as Json, json};

use super::Engine;
use crate::state::{BUCKET, Environment, Resource, Stack};

/// The type of a parameter of SSM.
const PARAMETER: &str = "AWS::SSM::Parameter";

impl Engine {
    /// Returns whether a resource exists that belongs to no stack.
    pub(super) fn exists_outside_of_stacks(
        &self,
        environment: Environment<'_>,
        type_name: &str,
        physical_id: &str,
    ) -> bool {
        self.state.rest.unowned.iter().any(|one| one.is(type_name, physical_id))
            || self.created_by_caller(environment, type_name, physical_id).is_some()
    }

    /// Returns the properties of a resource that a caller has created with its service.
    fn created_by_caller(
        &self,
        environment: Environment<'_>,
        type_name: &str,
        physical_id: &str,
    ) -> Option<Map<String, Json>> {
        let properties = match type_name {
            BUCKET => {
                let bucket = self.state.buckets.get(physical_id)?;
                (!bucket.is_assumed).then(|| json!({ "BucketName": physical_id }))?
            }
            PARAMETER => {
                let parameter = self.state.rest.parameters.get(environment.region)?.get(physical_id)?;
                json!({ "Name": physical_id, "Type": parameter.kind, "Value": parameter.value })
            }
            _ => return None,
        };
        let is_owned = self.state.is_owned(type_name, physical_id);
        properties.as_object().filter(|_| !is_owned).cloned()
    }

    /// Returns whether a resource exists already where a stack creates one with the same physical ID.
    pub(super) fn is_taken(
        &self,
        stack: &Stack,
        type_name: &str,
        physical_id: &str,
        properties: &Map<String, Json>,
    ) -> bool {
        self.state.is_taken(stack, type_name, physical_id, properties)
            || self.created_by_caller(stack.environment(), type_name, physical_id).is_some()
    }

    /// Removes a resource from those that belong to no stack, and returns it.
    pub(super) fn take_unowned(&mut self, position: usize, resource: &Resource) -> Option<Resource> {
        let (type_name, physical_id) = (&resource.type_name, &resource.physical_id);
        let found = self.state.rest.unowned.iter().position(|one| one.is(type_name, physical_id));
        if let Some(found) = found {
            return Some(self.state.rest.unowned.remove(found));
        }
        let stack = &self.state.stacks[position];
        let live = self.created_by_caller(stack.environment(), type_name, physical_id)?;
        let region = stack.region.clone();
        let created = self.create_in(position, &Resource { live: live.clone(), ..resource.clone() }, false);
        if let Some(parameters) =
            self.state.rest.parameters.get_mut(&region).filter(|_| type_name == PARAMETER)
        {
            parameters.remove(physical_id);
        }
        Some(Resource { live, attributes: created.attributes, ..resource.clone() })
    }
}
