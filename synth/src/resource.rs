//! Resources, typed and untyped, and the handles that refer to them.

use std::borrow::Cow;
use std::rc::Rc;

use crate::condition::ConditionHandle;
use crate::construct::{Acknowledgement, Construct, Scope};
use crate::policy::{CreationPolicy, DeletionPolicy, UpdatePolicy};
use crate::stack::StackKey;
use crate::value::{Expression, Properties, Reference, Untyped, Value};

/// A resource as CloudFormation sees it: a type, properties, and the attributes that every type takes.
///
/// Typed resources wrap one; by itself it serves types that have no typed form.
#[derive(Clone, Debug)]
pub struct Resource {
    pub(crate) type_name: Cow<'static, str>,
    pub(crate) properties: Properties,
    pub(crate) options: Options,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub depends_on: Vec<Handle>,
    pub condition: Option<ConditionHandle>,
    pub deletion_policy: Option<DeletionPolicy>,
    pub update_replace_policy: Option<DeletionPolicy>,
    pub creation_policy: Option<CreationPolicy>,
    pub update_policy: Option<UpdatePolicy>,
    pub metadata: Properties,
    pub acknowledgements: Vec<Acknowledgement>,
}

impl Resource {
    /// A resource of any type, checked against the registry only when the app is checked.
    pub fn of(type_name: impl Into<Cow<'static, str>>) -> Self {
        Self { type_name: type_name.into(), properties: Properties::default(), options: Options::default() }
    }

    /// Sets a property by its CloudFormation name.
    #[track_caller]
    pub fn set(mut self, name: impl Into<Cow<'static, str>>, value: impl Untyped) -> Self {
        self.put(name, value);
        self
    }

    /// Sets a property in place; generated setters call it.
    #[track_caller]
    pub fn put(&mut self, name: impl Into<Cow<'static, str>>, value: impl Untyped) {
        self.properties.put(name, value);
    }

    /// `AWS::Service::Type`.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }
}

/// A resource with a type of its own in Rust.
pub trait TypedResource: Sized {
    /// The handle with the type's attributes.
    type Handle: From<Handle>;

    /// The resource as CloudFormation sees it.
    fn into_resource(self) -> Resource;

    /// The same, to change it in place.
    fn resource_mut(&mut self) -> &mut Resource;
}

impl TypedResource for Resource {
    type Handle = Handle;

    fn into_resource(self) -> Resource {
        self
    }

    fn resource_mut(&mut self) -> &mut Resource {
        self
    }
}

impl<R: TypedResource + 'static> Construct for R {
    type Handle = R::Handle;

    fn build(self, scope: &mut Scope<'_>) -> R::Handle {
        let customizations = scope.stack().customizations().into_iter().chain(scope.customizations.clone());
        let customized = customizations.fold(self, |resource, one| one.apply(resource, scope.id()));
        let mut resource = customized.into_resource();
        resource.options.acknowledgements.clone_from(&scope.acknowledgements);
        scope.insert(resource, |contents| &mut contents.resources).into()
    }
}

/// The attributes that every resource takes beside its properties.
pub trait ResourceOptions: TypedResource {
    /// `DependsOn`: makes this resource after another, where no reference says so already.
    fn depends_on(mut self, other: &Handle) -> Self {
        self.resource_mut().options.depends_on.push(other.clone());
        self
    }

    /// `Condition`: makes the resource only where the condition holds.
    fn condition(mut self, condition: &ConditionHandle) -> Self {
        self.resource_mut().options.condition = Some(condition.clone());
        self
    }

    /// `DeletionPolicy`: what becomes of the resource when it leaves the stack.
    fn deletion_policy(mut self, policy: DeletionPolicy) -> Self {
        self.resource_mut().options.deletion_policy = Some(policy);
        self
    }

    /// `UpdateReplacePolicy`: what becomes of the old resource when an update replaces it.
    fn update_replace_policy(mut self, policy: DeletionPolicy) -> Self {
        self.resource_mut().options.update_replace_policy = Some(policy);
        self
    }

    /// Keeps the resource both when it leaves the stack and when an update replaces it.
    fn retain(self) -> Self {
        self.deletion_policy(DeletionPolicy::Retain).update_replace_policy(DeletionPolicy::Retain)
    }

    /// `CreationPolicy`: when the resource counts as made.
    fn creation_policy(mut self, policy: CreationPolicy) -> Self {
        self.resource_mut().options.creation_policy = Some(policy);
        self
    }

    /// `UpdatePolicy`: how the resource is updated.
    fn update_policy(mut self, policy: UpdatePolicy) -> Self {
        self.resource_mut().options.update_policy = Some(policy);
        self
    }

    /// `Metadata`: a document under a name.
    #[track_caller]
    fn metadata(mut self, name: impl Into<String>, value: impl Untyped) -> Self {
        self.resource_mut().options.metadata.put(name.into(), value);
        self
    }

    /// Sets a property that the typed form does not have yet, by its CloudFormation name.
    #[track_caller]
    fn property(mut self, name: impl Into<Cow<'static, str>>, value: impl Untyped) -> Self {
        self.resource_mut().put(name, value);
        self
    }

    /// Sets a nested property by its JSON pointer, such as `/ProductionVariants/0/VolumeSizeInGB`. Objects on the way
    /// that do not exist are created, and everything beside the property stays.
    #[track_caller]
    fn property_at(mut self, pointer: &str, value: impl Untyped) -> Self {
        self.resource_mut().properties.put_at(pointer, value);
        self
    }

    /// Removes a property by its CloudFormation name.
    fn remove_property(mut self, name: &str) -> Self {
        self.resource_mut().properties.remove(name);
        self
    }
}

impl<R: TypedResource> ResourceOptions for R {}

/// A resource that was added to a stack.
#[derive(Clone, Debug, PartialEq)]
pub struct Handle {
    pub(crate) stack: StackKey,
    pub(crate) logical_id: Rc<str>,
}

impl Handle {
    /// The logical id in the template.
    pub fn logical_id(&self) -> &str {
        &self.logical_id
    }

    /// `Ref`: what it yields depends on the type, mostly the physical id.
    pub fn reference(&self) -> Value<String> {
        self.refer(None, false)
    }

    /// `Fn::GetAtt`: an attribute by its CloudFormation name. Typed handles have a method for each.
    pub fn attribute<T>(&self, name: impl Into<Cow<'static, str>>) -> Value<T> {
        self.refer(Some(name.into()), false)
    }

    /// `Fn::GetAtt` of an attribute that is a list.
    pub fn list_attribute<T>(&self, name: impl Into<Cow<'static, str>>) -> Value<Vec<T>> {
        self.refer(Some(name.into()), true)
    }

    pub(crate) fn refer<T>(&self, attribute: Option<Cow<'static, str>>, list: bool) -> Value<T> {
        Value::from_expression(Expression::Reference(Reference {
            stack: self.stack,
            logical_id: Rc::clone(&self.logical_id),
            attribute,
            list,
        }))
    }
}
